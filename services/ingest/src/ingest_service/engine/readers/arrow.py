"""Arrow IPC, as a file or as a stream, with its own types."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import ipc
from typing_extensions import override

from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits
from ingest_service.engine.readers.columnar import ArrowColumns, ColumnarSource, too_large, unreadable

__all__ = ["ArrowSource"]

_MAGIC = b"ARROW1"
# What a writer puts after the last batch of a stream.
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class ArrowSource(ColumnarSource):
    """Record batches of flat columns."""

    kind = "Arrow"

    def __init__(self, path: Path, limits: ValidationLimits, wanted: Sequence[str]) -> None:
        self._path, self._limits = path, limits
        with path.open("rb") as stream:
            self._is_file = stream.read(len(_MAGIC)) == _MAGIC
        try:
            with pa.OSFile(str(path)) as source:
                schema = (ipc.open_file(source) if self._is_file else ipc.open_stream(source)).schema
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self.kind, error) from error
        self._columns = ArrowColumns(schema, wanted)

    @override
    def _batches(self) -> Iterator[pa.RecordBatch]:
        unpacked = 0
        with pa.OSFile(str(self._path)) as source:
            for batch in self._unbounded(source):
                batch.validate(full=True)
                unpacked += batch.nbytes
                if unpacked > self._limits.unpacked_bytes:
                    raise too_large(unpacked, self._limits.unpacked_bytes)
                yield batch

    def _unbounded(self, source: pa.NativeFile) -> Iterator[pa.RecordBatch]:
        if self._is_file:
            file = ipc.open_file(source)
            for index in range(file.num_record_batches):
                yield file.get_batch(index)
            return
        yield from ipc.open_stream(source)
        source.seek(0)
        if not _ends_properly(source):
            raise FatalFileError.of(
                "file",
                "The Arrow stream has no end: it was cut off.",
                "Aliran Arrow tidak berakhir: berkas terpotong.",
                "Write the file again and send it whole.",
                "Tulis ulang berkas dan kirim seluruhnya.",
            )


def _ends_properly(source: pa.NativeFile) -> bool:
    size = source.size()
    source.seek(max(size - 8, 0))
    return bool(source.read(8) == _END)
