"""Parquet, a block of rows at a time, with its own types."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import override

from ingest_service.engine.job import ValidationLimits
from ingest_service.engine.readers.columnar import ArrowColumns, ColumnarSource, too_large, unreadable

__all__ = ["ParquetSource"]

_BLOCK_ROWS = 131_072
_MAGIC = b"PAR1"


class ParquetSource(ColumnarSource):
    """A Parquet file of flat columns."""

    kind = "Parquet"

    def __init__(self, path: Path, limits: ValidationLimits, wanted: Sequence[str]) -> None:
        self._path = path
        with path.open("rb") as stream:
            head = stream.read(4)
            stream.seek(max(path.stat().st_size - 4, 0))
            tail = stream.read(4)
        if head != _MAGIC or tail != _MAGIC:
            raise unreadable(self.kind, "it does not begin and end with PAR1")
        try:
            with pq.ParquetFile(path) as file:
                unpacked = sum(
                    file.metadata.row_group(index).total_byte_size for index in range(file.num_row_groups)
                )
                arrow = file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self.kind, error) from error
        if unpacked > limits.unpacked_bytes:
            raise too_large(unpacked, limits.unpacked_bytes)
        self._columns = ArrowColumns(arrow, wanted)

    @override
    def _batches(self) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(self._path) as file:
            yield from file.iter_batches(batch_size=_BLOCK_ROWS, use_threads=False)
