"""Parquet, a block of rows at a time, with its own types."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import override

from ingest_service.engine.columns import raw_name
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits
from ingest_service.engine.plan import ROW
from ingest_service.engine.readers.source import Source, check_header

__all__ = ["ParquetSource"]

_BLOCK_ROWS = 131_072
_MAGIC = b"PAR1"


class ParquetSource(Source):
    """A Parquet file of flat columns."""

    def __init__(self, path: Path, limits: ValidationLimits, wanted: Sequence[str]) -> None:
        self._path = path
        with path.open("rb") as stream:
            head = stream.read(4)
            stream.seek(max(path.stat().st_size - 4, 0))
            tail = stream.read(4)
        if head != _MAGIC or tail != _MAGIC:
            raise _unreadable("it does not begin and end with PAR1")
        try:
            with pq.ParquetFile(path) as file:
                unpacked = sum(
                    file.metadata.row_group(index).total_byte_size for index in range(file.num_row_groups)
                )
                arrow = file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(str(error).partition("\n")[0]) from error
        if unpacked > limits.unpacked_bytes:
            raise FatalFileError.of(
                "file",
                f"The file unpacks to {unpacked} bytes; the limit is {limits.unpacked_bytes}.",
                f"Berkas terurai menjadi {unpacked} bita; batasnya {limits.unpacked_bytes}.",
                "Split it into smaller files.",
                "Pecah menjadi berkas yang lebih kecil.",
            )
        self._names = check_header(arrow.names, wanted)
        flat = pl.DataFrame(pl.from_arrow(arrow.empty_table().rename_columns(self._names)))
        self._schema = dict(flat.schema)
        nested = [n for n, kind in self._schema.items() if kind.is_nested() or isinstance(kind, pl.Object)]
        if bad := [name for name in nested if name in wanted]:
            raise FatalFileError.of(
                "header",
                f"The column {bad[0]} is nested.",
                f"Kolom {bad[0]} bertingkat.",
                "Send flat columns.",
                "Kirim kolom yang tidak bertingkat.",
                column=bad[0],
            )
        self._kept = [name for name in self._names if name not in nested]

    @property
    @override
    def schema(self) -> dict[str, pl.DataType]:
        return {name: self._plain(self._schema[name]) for name in self._kept}

    def _plain(self, kind: pl.DataType) -> pl.DataType:
        return pl.String() if isinstance(kind, pl.Categorical | pl.Enum) else kind

    @override
    def blocks(self, types: Mapping[str, pl.DataType] = MappingProxyType({})) -> Iterator[pl.DataFrame]:
        del types
        next_row = 1
        try:
            with pq.ParquetFile(self._path) as file:
                for batch in file.iter_batches(batch_size=_BLOCK_ROWS, use_threads=False):
                    frame = pl.DataFrame(pl.from_arrow(batch.rename_columns(self._names)))
                    frame = frame.select(pl.col(name).cast(self.schema[name]) for name in self._kept)
                    frame.columns = [raw_name(name) for name in self._kept]
                    yield frame.with_row_index(ROW, next_row).cast({ROW: pl.Int64})
                    next_row += frame.height
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(str(error).partition("\n")[0]) from error


def _unreadable(said: str) -> FatalFileError:
    return FatalFileError.of(
        "file",
        f"The file cannot be read as Parquet: {said}.",
        f"Berkas tidak dapat dibaca sebagai Parquet: {said}.",
        "Write the file again; it may have been cut off.",
        "Tulis ulang berkas tersebut; mungkin terpotong.",
    )
