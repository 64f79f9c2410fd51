"""JSON and JSON lines: one object per row, numbers with the digits that stand in the file."""

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from typing_extensions import override

from ingest_service.domain.contract import ColumnSpec, Format
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits
from ingest_service.engine.readers.encodings import encoding_of, without_mark
from ingest_service.engine.readers.guards import check_text_file
from ingest_service.engine.readers.records import SAMPLE_RECORDS, Number, RecordSource
from ingest_service.engine.readers.source import Broken, check_header

__all__ = ["JsonLinesSource", "JsonSource", "decode_record"]

# A record of a file says no more of where it stood than its number.
_NOWHERE: Mapping[str, str | None] = MappingProxyType({})
_SPACE = " \t\r\n"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice} is given twice")
    return record


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=Number, parse_int=Number, parse_constant=_refuse
)


def decode_record(text: str) -> dict[str, Any]:
    """A flat object: texts, `Number`s, booleans or None by name; ValueError says why it is none."""
    try:
        value = _DECODER.decode(text.strip(_SPACE))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return _flat(value)


def _flat(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"it is no object: {str(value)[:100]}")  # noqa: TRY004 - of the file, not of this program
    if nested := [name for name, item in value.items() if isinstance(item, dict | list)]:
        raise ValueError(f"{nested[0]} holds an object or a list")
    return value


class _Records(RecordSource):
    """Objects out of a text file."""

    def __init__(
        self, path: Path, form: Format, limits: ValidationLimits, columns: Sequence[ColumnSpec]
    ) -> None:
        super().__init__()
        encoding = encoding_of(path, form)
        self._encoding = without_mark(encoding)
        self._path, self._form, self._limits = path, form, limits
        self._check(encoding)
        self._marks = {c.file_column: c.style.decimal for c in columns if c.column_type.is_number}
        seen = dict.fromkeys(
            name for _row, record in islice(self._records(), SAMPLE_RECORDS) for name in record
        )
        # A name may be left out of every record where the contract can do without it.
        wanted = [c.file_column for c in columns if c.file_column is not None]
        optional = [c.file_column for c in columns if c.file_column is not None and not c.is_required]
        self._names = check_header(
            [*seen, *(name for name in dict.fromkeys(optional) if name not in seen)], wanted
        )

    @abstractmethod
    def _check(self, encoding: str) -> None:
        """Refuses a file that cannot be read in bounded memory."""

    @abstractmethod
    def _values(self, stream: IO[str]) -> Iterator[Any]:
        """Each value of the file, or the ValueError that says why it is none."""

    @override
    def _numbered(self) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, str | None]]]:
        for row, record in self._records():
            yield row, record, _NOWHERE

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        with self._path.open(encoding=self._encoding) as stream:
            for row, value in enumerate(self._values(stream), 1):
                try:
                    if isinstance(value, ValueError):
                        raise value
                    record = _flat(value)
                except ValueError as error:
                    self._break(row, str(error))
                else:
                    yield row, record

    def _break(self, row: int, said: str) -> None:
        self._broken[row] = Broken(
            row,
            "fields",
            said[:1000],
            f"The record cannot be read: {said[:200]}.",
            f"Rekaman tidak dapat dibaca: {said[:200]}.",
            "Write each record as one flat JSON object.",
            "Tulis tiap rekaman sebagai satu objek JSON yang datar.",
        )


class JsonLinesSource(_Records):
    """A JSON object on each line; empty lines are passed over."""

    @override
    def _check(self, encoding: str) -> None:
        check_text_file(self._path, encoding, self._limits)

    @override
    def _values(self, stream: IO[str]) -> Iterator[Any]:
        for line in stream:
            if line.strip(_SPACE):
                try:
                    yield _DECODER.decode(line.strip(_SPACE))
                except (ValueError, RecursionError) as error:
                    yield ValueError(f"{error} in {line.strip()[:900]}")


class JsonSource(_Records):
    """A list of objects: the whole document, or the value that the document has under the name `records`."""

    @override
    def _check(self, encoding: str) -> None:
        # One line may be all of the file; a record is bounded instead.
        check_text_file(self._path, encoding, self._limits.model_copy(update={"line_bytes": 2**62}))

    @override
    def _values(self, stream: IO[str]) -> Iterator[Any]:
        text = _Window(stream, self._limits.line_bytes)
        try:
            if self._form.records:
                self._find_records(text)
            text.expect("[")
            if text.next_character() == "]":
                return
            while True:
                yield text.value()
                if text.take() == "]":
                    return
        except (ValueError, RecursionError) as error:
            raise FatalFileError.of(
                "file",
                f"The file cannot be read as a JSON list of records: {error}, at character {text.position}.",
                f"Berkas tidak dapat dibaca sebagai daftar JSON: {error}, pada karakter {text.position}.",
                "Send a list of objects; the file may have been cut off.",
                "Kirim daftar objek; mungkin berkas terpotong.",
                value=text.near(),
            ) from error

    def _find_records(self, text: "_Window") -> None:
        text.expect("{")
        while True:
            name = text.value()
            text.expect(":")
            if name == self._form.records:
                return
            text.value()
            if text.take() == "}":
                raise ValueError(f"it has no {self._form.records}")


class _Window:
    """The part of a JSON text that is being read; a value may have so many characters."""

    def __init__(self, stream: IO[str], limit: int) -> None:
        self._stream, self._limit = stream, limit
        self._text, self._at, self._before = "", 0, 0

    @property
    def position(self) -> int:
        return self._before + self._at + 1

    def near(self) -> str:
        return self._text[self._at : self._at + 60]

    def next_character(self) -> str:
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                raise ValueError("it ends too early")

    def expect(self, character: str) -> None:
        if self.next_character() != character:
            raise ValueError(f"{character} is missing")
        self._at += 1

    def take(self) -> str:
        """A comma, or what ends a list or an object."""
        found = self.next_character()
        if found not in ",]}":
            raise ValueError(", is missing")
        self._at += 1
        return found

    def value(self) -> Any:
        self.next_character()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError as error:
                if isinstance(error, json.JSONDecodeError) and self._more():
                    continue
                raise
            # A number that touches the edge may go on behind it.
            if end == len(self._text) and self._more():
                continue
            self._at = end
            return value

    def _more(self) -> bool:
        if len(self._text) - self._at > self._limit:
            raise ValueError(f"a record is longer than {self._limit} characters")
        block = self._stream.read(self._limit)
        self._before += self._at
        self._text, self._at = self._text[self._at :] + block, 0
        return bool(block)
