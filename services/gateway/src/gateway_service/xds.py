"""Words of Envoy's configuration that several parts need."""

from typing import Any, TypeAlias

__all__ = ["Config", "duration", "typed"]

Config: TypeAlias = dict[str, Any]

_API = "type.googleapis.com/envoy"


def typed(message: str, **fields: Any) -> Config:
    """A `typed_config` of the message `envoy.<message>`."""
    return {"@type": f"{_API}.{message}", **fields}


def duration(seconds: float) -> str:
    """Seconds in the JSON form of a protobuf duration."""
    return f"{seconds:g}s"
