"""What can be wrong with the protos or the settings when the configuration is made."""

__all__ = ["GatewayConfigurationError"]


class GatewayConfigurationError(ValueError):
    """The configuration cannot be made; the message names the method or setting and what to do."""
