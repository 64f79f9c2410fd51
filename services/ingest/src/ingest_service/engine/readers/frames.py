"""Texts collected row by row, as blocks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from ingest_service.engine.columns import raw_name
from ingest_service.engine.plan import ROW

__all__ = ["text_block", "text_blocks"]

_BLOCK_ROWS = 32_768


def text_block(
    names: Sequence[str], rows: Sequence[int], columns: Sequence[Sequence[str | None]]
) -> pl.DataFrame:
    """One block: row numbers, and the texts of each column."""
    texts = {
        raw_name(name): pl.Series(values, dtype=pl.String)
        for name, values in zip(names, columns, strict=True)
    }
    return pl.DataFrame({ROW: pl.Series(rows, dtype=pl.Int64), **texts})


def text_blocks(
    names: Sequence[str], records: Iterable[tuple[int, Mapping[str, str | None]]]
) -> Iterator[pl.DataFrame]:
    """Blocks of numbered records; a name that a record lacks is null there."""
    rows: list[int] = []
    columns: list[list[str | None]] = [[] for _ in names]
    for row, record in records:
        rows.append(row)
        for name, column in zip(names, columns, strict=True):
            column.append(record.get(name))
        if len(rows) == _BLOCK_ROWS:
            yield text_block(names, rows, columns)
            rows, columns = [], [[] for _ in names]
    if rows:
        yield text_block(names, rows, columns)
