"""The caller's language and the type of a call's context."""

from typing import Any, TypeAlias

import grpc

__all__ = ["Context", "language_of"]

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


def language_of(context: Context) -> str:
    """The language to answer in: "id" where the caller's `accept-language` begins so, else "en"."""
    for key, value in context.invocation_metadata() or ():
        if key == "accept-language" and isinstance(value, str):
            return "id" if value.lower().startswith("id") else "en"
    return "en"
