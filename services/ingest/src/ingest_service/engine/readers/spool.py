"""What a source's reader wrote: a folder of Arrow files with one schema."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pyarrow as pa
from typing_extensions import override

from ingest_service.engine.columns import raw_name
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.plan import ROW
from ingest_service.engine.readers.source import Source, check_header

__all__ = ["SpoolSource"]

_BLOCK_ROWS = 131_072


class SpoolSource(Source):
    """Rows of a source, of the types that it has; rows are counted through all files."""

    def __init__(self, folder: Path, wanted: Sequence[str]) -> None:
        self._files = sorted(folder.glob("*.arrow"))
        if not self._files:
            raise FatalFileError.of(
                "file",
                "The source has no rows.",
                "Sumber tidak mempunyai baris.",
                "Look at the source; a dataset is never emptied by a reading that finds nothing.",
                "Periksa sumbernya; dataset tidak pernah dikosongkan oleh pembacaan tanpa hasil.",
            )
        with pa.memory_map(str(self._files[0])) as file:
            arrow = pa.ipc.open_file(file).schema
        self._names = check_header(arrow.names, wanted)
        empty = arrow.empty_table().rename_columns(self._names)
        self._schema = dict(pl.DataFrame(pl.from_arrow(empty)).schema)

    @property
    @override
    def schema(self) -> dict[str, pl.DataType]:
        return dict(self._schema)

    @override
    def blocks(self, types: Mapping[str, pl.DataType] = MappingProxyType({})) -> Iterator[pl.DataFrame]:
        del types
        names = [raw_name(name) for name in self._names]
        next_row = 1
        for path in self._files:
            with pa.memory_map(str(path)) as mapped:
                file = pa.ipc.open_file(mapped)
                for number in range(file.num_record_batches):
                    whole = file.get_batch(number).rename_columns(names)
                    for start in range(0, len(whole), _BLOCK_ROWS):
                        frame = pl.DataFrame(pl.from_arrow(whole.slice(start, _BLOCK_ROWS)))
                        yield frame.with_row_index(ROW, next_row).cast({ROW: pl.Int64})
                        next_row += frame.height
