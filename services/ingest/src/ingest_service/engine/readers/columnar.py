"""Columns of a typed file (Parquet, Arrow) as blocks."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import polars as pl
import pyarrow as pa
from typing_extensions import override

from ingest_service.engine.columns import raw_name
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.plan import ROW
from ingest_service.engine.readers.source import Source, check_header

__all__ = ["ArrowColumns", "ColumnarSource", "too_large", "unreadable"]


class ArrowColumns:
    """The flat columns of an Arrow schema; nested ones are left out, or refused where they are wanted."""

    def __init__(self, schema: pa.Schema, wanted: Sequence[str]) -> None:
        self._names = check_header(schema.names, wanted)
        types = pl.DataFrame(pl.from_arrow(schema.empty_table().rename_columns(self._names))).schema
        nested = [n for n, kind in types.items() if kind.is_nested() or isinstance(kind, pl.Object)]
        if bad := [name for name in nested if name in wanted]:
            raise FatalFileError.of(
                "header",
                f"The column {bad[0]} is nested.",
                f"Kolom {bad[0]} bertingkat.",
                "Send flat columns.",
                "Kirim kolom yang tidak bertingkat.",
                column=bad[0],
            )
        self.schema = {name: _plain(kind) for name, kind in types.items() if name not in nested}

    def numbered(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pl.DataFrame]:
        """Blocks with row numbers from 1."""
        next_row = 1
        for batch in batches:
            frame = pl.DataFrame(pl.from_arrow(batch.rename_columns(self._names)))
            frame = frame.select(pl.col(name).cast(kind) for name, kind in self.schema.items())
            frame.columns = [raw_name(name) for name in self.schema]
            yield frame.with_row_index(ROW, next_row).cast({ROW: pl.Int64})
            next_row += frame.height


class ColumnarSource(Source):
    """A file that Arrow reads batch by batch; `kind` is its format, for messages."""

    kind: ClassVar[str]
    _columns: ArrowColumns

    @property
    @override
    def schema(self) -> dict[str, pl.DataType]:
        return self._columns.schema

    @override
    def blocks(self, types: Mapping[str, pl.DataType] = MappingProxyType({})) -> Iterator[pl.DataFrame]:
        del types
        try:
            yield from self._columns.numbered(self._batches())
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self.kind, error) from error

    @abstractmethod
    def _batches(self) -> Iterator[pa.RecordBatch]:
        """The file's batches from the first on."""


def _plain(kind: pl.DataType) -> pl.DataType:
    return pl.String() if isinstance(kind, pl.Categorical | pl.Enum) else kind


def too_large(unpacked: int, limit: int) -> FatalFileError:
    """The values are more than they may be."""
    return FatalFileError.of(
        "file",
        f"The file unpacks to {unpacked} bytes; the limit is {limit}.",
        f"Berkas terurai menjadi {unpacked} bita; batasnya {limit}.",
        "Split it into smaller files.",
        "Pecah menjadi berkas yang lebih kecil.",
    )


def unreadable(kind: str, error: Exception | str) -> FatalFileError:
    """The file is not of its kind, or damaged."""
    said = str(error).partition("\n")[0]
    return FatalFileError.of(
        "file",
        f"The file cannot be read as {kind}: {said}.",
        f"Berkas tidak dapat dibaca sebagai {kind}: {said}.",
        "Write the file again; it may have been cut off.",
        "Tulis ulang berkas tersebut; mungkin terpotong.",
    )
