"""Parquet parts in the output folder, written as rows come, in bounded memory."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ingest_service.engine.job import PartFile

__all__ = ["PartWriter", "arrow_schema"]

_PART_BYTES = 128 * 2**20
_GROUP_ROWS = 100_000
_ONE_OF = pa.dictionary(pa.int32(), pa.string())
# Enough to see whether a column's values repeat or grow from row to row, which Parquet has encodings for.
_SAMPLE_ROWS = 32_768
_ARROW: dict[str, pa.DataType] = {
    "text": pa.string_view(),
    "int": pa.int64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}


def arrow_schema(columns: list[tuple[str, str, bool]], field_ids: dict[str, int]) -> pa.Schema:
    """Arrow schema of (name, type in the lake, required) with Iceberg's field ids, where they are known."""
    fields = []
    for name, kind, required in columns:
        if kind.startswith("decimal"):
            digits, scale = kind.removeprefix("decimal(").removesuffix(")").split(",")
            dtype = pa.decimal128(int(digits), int(scale))
        else:
            dtype = _ARROW[kind]
        metadata = {b"PARQUET:field_id": str(field_ids[name]).encode()} if name in field_ids else None
        fields.append(pa.field(name, dtype, nullable=not required, metadata=metadata))
    return pa.schema(fields)


class PartWriter:
    """Writes frames to parts as they come; a part ends when it has enough rows.

    `schema` None takes the first frame's. `constant` are text columns with the one value that every row has: frames come
    without them.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        schema: pa.Schema | None,
        part_rows: int,
        constant: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._folder, self._name, self._schema, self._limit = folder, name, schema, part_rows
        self._constant = constant
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = self._rows = self._bytes = 0
        self._writer: pq.ParquetWriter | None = None
        self.parts: list[PartFile] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Takes rows in the order of the schema."""
        if frame.height == 0:
            return
        self._waiting.append(frame)
        self._waiting_rows += frame.height
        self._bytes += int(frame.estimated_size())
        full = self._rows + self._waiting_rows >= self._limit or self._bytes >= _PART_BYTES
        if full or self._waiting_rows >= _GROUP_ROWS:
            self._write_group()
        if full:
            self._end_part()

    def finish(self) -> tuple[PartFile, ...]:
        """Writes what is left; all parts in order."""
        if self._waiting:
            self._write_group()
        self._end_part()
        return tuple(self.parts)

    def _write_group(self) -> None:
        frame = pl.concat(self._waiting, rechunk=False)
        # Texts as Polars has them: Arrow writes these as they are.
        table = self._complete(frame.to_arrow(compat_level=pl.CompatLevel.newest()))
        if self._writer is None:
            self._writer = self._begin_part(frame, table.schema)
        self._writer.write_table(table, row_group_size=frame.height)
        self._rows += frame.height
        self._waiting, self._waiting_rows = [], 0

    def _complete(self, table: pa.Table) -> pa.Table:
        for name, value in self._constant.items():
            # Made by Polars: Arrow would load pandas to look at a Python value.
            zeros = pl.repeat(0, len(table), dtype=pl.Int32, eager=True).to_arrow()
            words = pl.Series([value]).to_arrow()
            table = table.append_column(name, pa.DictionaryArray.from_arrays(zeros, words))
        if self._schema is None:
            return table
        # A dictionary of one value is written as it is, where the text would first be spread over all rows.
        fields = [
            field.with_type(_ONE_OF if field.name in self._constant else field.type) for field in self._schema
        ]
        return table.select(self._schema.names).cast(pa.schema(fields))

    def _begin_part(self, frame: pl.DataFrame, schema: pa.Schema) -> pq.ParquetWriter:
        sample = frame.head(_SAMPLE_ROWS)
        ascending = [c.name for c in sample if c.dtype.is_integer() and c.is_sorted()]
        repeating = [c.name for c in sample if c.n_unique() <= sample.height // 2]
        return pq.ParquetWriter(
            self._path,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[*(name for name in repeating if name not in ascending), *self._constant],
            column_encoding=dict.fromkeys(ascending, "DELTA_BINARY_PACKED"),
            store_decimal_as_integer=True,
            store_schema=False,  # it would give the dictionaries away
        )

    def _end_part(self) -> None:
        if self._writer is None:
            return
        self._writer.close()
        self.parts.append(PartFile(path=self._path, rows=self._rows))
        self._writer, self._rows, self._bytes = None, 0, 0

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._name}-{len(self.parts):05}.parquet"
