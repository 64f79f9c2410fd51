"""Makes the gateway's Envoy configuration from the protos and the settings."""

from gateway_service.bootstrap import render
from gateway_service.errors import GatewayConfigurationError
from gateway_service.settings import GatewaySettings

__all__ = ["GatewayConfigurationError", "GatewaySettings", "render"]
