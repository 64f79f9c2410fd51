"""Columns of a text file that the reader itself may turn into values: far cheaper than parsing text later."""

from collections.abc import Mapping

import numpy as np
import polars as pl
import pyarrow as pa

from ingest_service.domain.contract import ColumnSpec, Contract

__all__ = ["ARROW_TYPES", "NotOfTypeError", "is_plain", "readable_types"]

ARROW_TYPES: Mapping[pl.DataType, pa.DataType] = {
    pl.String(): pa.string(),
    pl.Int64(): pa.int64(),
    pl.Date(): pa.date32(),
}
# The characters ! to ~: below and above, a difference of bytes is larger.
_VISIBLE, _SPAN = np.uint8(0x21), np.uint8(0x7E - 0x21)


class NotOfTypeError(Exception):
    """A column holds something that the reader does not take: it has to be read as text."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


def readable_types(contract: Contract) -> dict[str, pl.DataType]:
    """Types by column of the file, where the reader accepts nothing that the contract's own parser refuses or reads
    otherwise: digits with at most a minus, ISO dates, and text that is plain (`is_plain`).
    """
    readers: dict[str, list[ColumnSpec]] = {}
    for spec in contract.columns:
        if spec.file_column is not None:
            readers.setdefault(spec.file_column, []).append(spec)
    nothing = set(contract.format.null_values if contract.format else ("",))
    types: dict[str, pl.DataType] = {}
    for column, specs in readers.items():
        kinds = {_type_of(spec) for spec in specs}
        if (
            len(kinds) == 1
            and (kind := kinds.pop()) is not None
            and all(nothing >= {*s.null_values} for s in specs)
        ):
            types[column] = kind
    return types


def _type_of(spec: ColumnSpec) -> pl.DataType | None:
    if spec.map is not None:
        return None
    if spec.column_type.is_number and not spec.style.suffix:
        return pl.Int64()
    if spec.column_type.kind == "date" and spec.style.format == "iso":
        return pl.Date()
    return pl.String() if spec.column_type.is_text else None


def is_plain(text: pa.StringArray) -> bool:
    """Whether stripping would change nothing: every value begins and ends with a visible character of ASCII.

    Looks only at the first and the last byte of each value, so what it denies may be plain after all.
    """
    _validity, offsets, data = text.buffers()
    if data is None or data.size == 0:
        return True
    ends = np.frombuffer(offsets, np.int32)[text.offset : text.offset + len(text) + 1]
    characters = np.frombuffer(data, np.uint8)
    # An empty value has its neighbours' characters looked at, which do no harm.
    first = characters.take(ends[:-1], mode="clip")
    last = characters.take(ends[1:] - 1, mode="clip")
    return not ((first - _VISIBLE > _SPAN).any() or (last - _VISIBLE > _SPAN).any())
