"""The caller's language."""

from typing import Any

__all__ = ["language_of"]


def language_of(context: Any) -> str:
    """Language "id" or "en", from the metadata `accept-language`."""
    for key, value in context.invocation_metadata() or ():
        if key == "accept-language":
            return "id" if str(value).lower().startswith("id") else "en"
    return "en"
