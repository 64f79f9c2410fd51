"""Parquet parts in the output folder, written as rows come, in bounded memory."""

from pathlib import Path

import polars as pl
import pyarrow as pa

from ingest_service.engine.job import PartFile

__all__ = ["PartWriter", "arrow_schema"]

_PART_BYTES = 128 * 2**20
_ARROW: dict[str, pa.DataType] = {
    "text": pa.large_string(),
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
    """Collects frames and writes a part when enough rows have come."""

    def __init__(self, folder: Path, name: str, schema: pa.Schema | None, part_rows: int) -> None:
        self._folder, self._name, self._schema, self._limit = folder, name, schema, part_rows
        self._waiting: list[pl.DataFrame] = []
        self._rows = self._bytes = 0
        self.parts: list[PartFile] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Takes rows in the order of the schema."""
        if frame.height == 0:
            return
        self._waiting.append(frame)
        self._rows += frame.height
        self._bytes += int(frame.estimated_size())
        if self._rows >= self._limit or self._bytes >= _PART_BYTES:
            self._write()

    def finish(self) -> tuple[PartFile, ...]:
        """Writes what is left; all parts in order."""
        if self._waiting:
            self._write()
        return tuple(self.parts)

    def _write(self) -> None:
        frame = pl.concat(self._waiting, rechunk=False)
        path = self._folder / f"{self._name}-{len(self.parts):05}.parquet"
        frame.lazy().sink_parquet(path, compression="zstd", compression_level=1, arrow_schema=self._schema)
        self.parts.append(PartFile(path=path, rows=frame.height))
        self._waiting, self._rows, self._bytes = [], 0, 0
