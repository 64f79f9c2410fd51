"""A file of mended rows: what its download put before formulas is taken off again."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import polars as pl
from typing_extensions import override

from ingest_service.engine.columns import raw_name
from ingest_service.engine.readers.source import Broken, Source

__all__ = ["MendedSource"]

_NEUTRALISED = r"^'('*[=+\-@\t\r])"


class MendedSource(Source):
    """All columns as text, as the clerk meant them."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    @override
    def schema(self) -> dict[str, pl.DataType]:
        return self._source.schema

    @override
    def blocks(self, types: Mapping[str, pl.DataType] = MappingProxyType({})) -> Iterator[pl.DataFrame]:
        texts = [raw_name(name) for name, kind in self.schema.items() if kind == pl.String]
        for block in self._source.blocks(types):
            yield block.with_columns(pl.col(name).str.replace(_NEUTRALISED, "$1") for name in texts)

    @property
    @override
    def broken_rows(self) -> Sequence[Broken]:
        return self._source.broken_rows

    @property
    @override
    def skipped(self) -> int:
        return self._source.skipped

    @property
    @override
    def extra_columns(self) -> Sequence[str]:
        return self._source.extra_columns
