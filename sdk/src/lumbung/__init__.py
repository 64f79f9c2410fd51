"""Python client of the Lumbung platform: `import lumbung; client = lumbung.connect()`."""

TYPE_CHECKING = False  # `typing` is not imported for this: every command of the command line starts here
if TYPE_CHECKING:
    from lumbung import aio
    from lumbung.client import Client, connect
    from lumbung.errors import ApiError

__all__ = ["ApiError", "Client", "aio", "connect"]


def __getattr__(name: str) -> object:
    """Loads the client when it is first asked for, so that services can use the stubs alone."""
    if name in {"Client", "connect"}:
        from lumbung import client  # noqa: PLC0415

        return getattr(client, name)
    if name == "aio":
        import importlib  # noqa: PLC0415

        return importlib.import_module("lumbung.aio")
    if name == "ApiError":
        from lumbung.errors import ApiError  # noqa: PLC0415

        return ApiError
    raise AttributeError(f"module 'lumbung' has no attribute {name!r}")
