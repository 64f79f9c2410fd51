"""Python client of the Lumbung platform: `import lumbung; client = lumbung.connect()`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lumbung.client import Client, connect
    from lumbung.errors import ApiError

__all__ = ["ApiError", "Client", "connect"]


def __getattr__(name: str) -> object:
    """Loads the client when it is first asked for, so that services can use the stubs alone."""
    if name in {"Client", "connect"}:
        from lumbung import client  # noqa: PLC0415

        return getattr(client, name)
    if name == "ApiError":
        from lumbung.errors import ApiError  # noqa: PLC0415

        return ApiError
    raise AttributeError(f"module 'lumbung' has no attribute {name!r}")
