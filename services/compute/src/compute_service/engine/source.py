"""How DuckDB reads a governed frame: columns and simple conditions go down to Polars, rows come up in batches.

DuckDB asks a Polars frame for a whole collected table; this source streams instead, so that memory holds batches. It
rests on the adapter that the pinned DuckDB ships (`duckdb._sources`), which says exactly which conditions Polars
evaluates as DuckDB would; the integration tests guard it.
"""

from collections.abc import Iterator, Sequence

import polars as pl
import pyarrow as pa
from duckdb._sources.nodes import Node
from duckdb._sources.polars import LazyFrameSource
from duckdb._sources.to_polars import to_polars

__all__ = ["FrameSource"]


class FrameSource(LazyFrameSource):
    """A filtered and masked frame as a table of DuckDB. `failure` keeps what broke while it was read."""

    def __init__(self, frame: pl.LazyFrame, schema: pl.Schema) -> None:
        super().__init__(frame)
        self._empty = schema.to_frame()
        self.failure: Exception | None = None

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Marks the object as readable; the scan itself calls `stream`."""
        del requested_schema
        return self.stream(None, ())[0]

    def stream(self, columns: Sequence[int] | None, filters: Sequence[Node]) -> tuple[object, bool]:
        """A stream of the wanted columns (by index; None for all) where all filters hold, and whether it is narrowed."""
        plan: pl.LazyFrame = self.obj
        for condition in filters:
            plan = plan.filter(to_polars(condition, self._empty.schema))
        shape = self._empty
        if columns:
            plan = plan.select([pl.nth(index) for index in columns])
            shape = shape.select([pl.nth(index) for index in columns])
        schema = shape.to_arrow().schema
        reader = pa.RecordBatchReader.from_batches(schema, self._batches(plan, schema))
        return reader.__arrow_c_stream__(), bool(columns)

    def _batches(self, plan: pl.LazyFrame, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            for frame in plan.collect_batches(maintain_order=False, engine="streaming"):
                yield from frame.to_arrow().cast(schema).to_batches()
        except Exception as error:
            self.failure = error
            raise
