"""Files as blocks of raw columns."""

from ingest_service.engine.readers.source import Source, open_source

__all__ = ["Source", "open_source"]
