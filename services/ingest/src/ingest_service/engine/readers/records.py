"""Records that each have names of their own, such as JSON objects and messages: what they have in common as rows."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import polars as pl
from typing_extensions import override

from ingest_service.engine.readers.frames import text_blocks
from ingest_service.engine.readers.source import Broken, TextSource

__all__ = ["SAMPLE_RECORDS", "Number", "RecordSource"]

# So many records are looked at to know the columns, and so many names of later ones are told.
SAMPLE_RECORDS = 1000


class Number(str):
    """A number as it stands in the file."""

    __slots__ = ()


class RecordSource(TextSource):
    """Numbers become texts with the decimal mark that their column has in `_marks`. What is no record goes to `_broken`."""

    _marks: Mapping[str | None, str]

    def __init__(self) -> None:
        self._broken: dict[int, Broken] = {}
        self._late: dict[str, None] = {}

    @abstractmethod
    def _numbered(self) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, str | None]]]:
        """Each record with its number, and the columns that say where it stood."""

    @property
    @override
    def broken_rows(self) -> Sequence[Broken]:
        return [broken for _row, broken in sorted(self._broken.items())]

    @property
    @override
    def extra_columns(self) -> Sequence[str]:
        return list(self._late)

    @override
    def blocks(self, types: Mapping[str, pl.DataType] = MappingProxyType({})) -> Iterator[pl.DataFrame]:
        del types
        yield from text_blocks(self._names, self._texts())

    def _texts(self) -> Iterator[tuple[int, dict[str, str | None]]]:
        known = set(self._names)
        for row, record, place in self._numbered():
            if len(self._late) < SAMPLE_RECORDS:
                self._late.update(dict.fromkeys(name for name in record if name not in known))
            texts = {name: _text(value, self._marks.get(name, ".")) for name, value in record.items()}
            texts.update(place)
            yield row, texts


def _text(value: Any, mark: str) -> str | None:
    """A value as a column's text; a number in the form that the contract wants texts in, so that 1.234 is not taken for 1234."""
    if isinstance(value, Number):
        return value.replace(".", mark)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)
