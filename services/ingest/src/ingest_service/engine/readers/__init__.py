"""Files as blocks of raw columns."""

from ingest_service.engine.readers.mended import MendedSource
from ingest_service.engine.readers.opening import open_source
from ingest_service.engine.readers.source import Source, is_place
from ingest_service.engine.readers.typed import NotOfTypeError

__all__ = ["MendedSource", "NotOfTypeError", "Source", "is_place", "open_source"]
