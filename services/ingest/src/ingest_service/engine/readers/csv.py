"""CSV through Arrow's streaming reader: all columns as text, one block at a time."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
from typing_extensions import override

from ingest_service.domain.contract import Contract, Format
from ingest_service.engine.columns import raw_name
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits
from ingest_service.engine.plan import ROW
from ingest_service.engine.readers.encodings import encoding_of, without_mark
from ingest_service.engine.readers.guards import check_text_file
from ingest_service.engine.readers.quotes import check_quotes
from ingest_service.engine.readers.source import Broken, TextSource, check_header
from ingest_service.engine.readers.typed import ARROW_TYPES, NotOfTypeError, is_plain, readable_types

__all__ = ["CsvSource"]

_COLUMN = re.compile(r"In CSV column #([0-9]+): .*CSV conversion error")


class CsvSource(TextSource):
    """A CSV file. Rows with a wrong number of fields are left out of the blocks and listed."""

    def __init__(self, path: Path, form: Format, limits: ValidationLimits, wanted: Sequence[str]) -> None:
        self._python_encoding = encoding_of(path, form)
        looked = check_text_file(path, self._python_encoding, limits, form.quote)
        check_quotes(path, form, self._python_encoding, looked.quotes)
        self._hexadecimal = looked.hexadecimal
        self._path, self._form, self._limits = path, form, limits
        header, self._skip = self._read_header()
        self._names = check_header(header, wanted)
        self._broken: dict[int, tuple[int, str]] = {}

    @property
    @override
    def broken_rows(self) -> Sequence[Broken]:
        return [self._wrong_fields(row, *said) for row, said in sorted(self._broken.items())]

    @property
    @override
    def encoding_detected(self) -> str:
        return self._python_encoding if self._form.encoding == "detect" else ""

    def _wrong_fields(self, row: int, fields: int, text: str) -> Broken:
        wanted = len(self._names)
        return Broken(
            row,
            "fields",
            text,
            f"The row has {fields} fields, the header {wanted}.",
            f"Baris berisi {fields} isian, judulnya {wanted}.",
            "Check for a delimiter or a quote inside a value.",
            "Periksa pemisah atau tanda kutip di dalam nilai.",
        )

    def _read_header(self) -> tuple[list[str], int]:
        """The header's fields and the number of lines down to it."""
        with self._path.open(encoding=without_mark(self._python_encoding), newline="") as stream:
            lines = csv.reader(stream, delimiter=self._form.delimiter, quotechar=self._form.quote)
            if self._form.names:
                # A first line that says the same is no row.
                names = list(self._form.names)
                first = next(lines, None)
                return names, lines.line_num if first == names else 0
            for _line in range(self._form.header_row - 1):
                stream.readline(self._limits.line_bytes)
            try:
                header = next(lines, None)
            except csv.Error as error:
                raise self._no_header(str(error)) from error
            if not header or not any(name.strip() for name in header):
                raise self._no_header("empty")
            return [name.strip() for name in header], self._form.header_row - 1 + lines.line_num

    def _no_header(self, said: str) -> FatalFileError:
        row = self._form.header_row
        return FatalFileError.of(
            "header",
            f"Line {row} holds no header ({said}).",
            f"Baris {row} bukan baris judul ({said}).",
            f"Put the column names on line {row}.",
            f"Tulis nama kolom pada baris {row}.",
        )

    @override
    def readable_types(self, contract: Contract) -> dict[str, pl.DataType]:
        types = readable_types(contract)
        # Arrow would take 0x10 for 16.
        return {name: kind for name, kind in types.items() if not (kind.is_integer() and self._hexadecimal)}

    @override
    def blocks(self, types: Mapping[str, pl.DataType] = MappingProxyType({})) -> Iterator[pl.DataFrame]:
        form = self._form
        broken: dict[int, tuple[int, str]] = {}
        try:
            reader = pacsv.open_csv(
                self._path,
                read_options=pacsv.ReadOptions(
                    use_threads=False,  # with threads a broken row has no number
                    block_size=self._limits.block_bytes,
                    column_names=self._names,
                    skip_rows=self._skip,
                    encoding=self._python_encoding,
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=form.delimiter,
                    quote_char=form.quote,
                    newlines_in_values=True,
                    invalid_row_handler=partial(self._take_broken, broken),
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types={name: ARROW_TYPES[types.get(name, pl.String())] for name in self._names},
                    null_values=list(form.null_values),
                    strings_can_be_null=bool(types),
                    check_utf8=False,  # the guard has done it
                ),
            )
            yield from self._numbered(reader, broken, [name for name in types if types[name] == pl.String])
        except pa.ArrowInvalid as error:
            said = str(error).partition("\n")[0]
            if "Empty CSV file" in said:
                return
            if (found := _COLUMN.match(said)) and (name := self._names[int(found[1])]) in types:
                raise NotOfTypeError(name) from error
            raise FatalFileError.of(
                "file",
                f"The file cannot be read as CSV: {said}.",
                f"Berkas tidak dapat dibaca sebagai CSV: {said}.",
                "Check quotes, delimiter and line ends.",
                "Periksa tanda kutip, pemisah, dan akhir baris.",
            ) from error

    def _take_broken(self, broken: dict[int, tuple[int, str]], row: Any) -> str:
        # Arrow counts the skipped lines too.
        broken[row.number - self._skip] = (row.actual_columns, row.text[:1000])
        return "skip"

    def _numbered(
        self, reader: Any, broken: dict[int, tuple[int, str]], plain: Sequence[str]
    ) -> Iterator[pl.DataFrame]:
        renamed = [raw_name(name) for name in self._names]
        next_row = 1
        for batch in reader:
            for name in plain:
                if not is_plain(batch.column(self._names.index(name))):
                    raise NotOfTypeError(name)
            frame = pl.DataFrame(pl.from_arrow(batch, rechunk=False))
            frame.columns = renamed
            self._broken.update(broken)
            here = sorted(row for row in broken if row >= next_row)
            if not here:
                yield frame.with_row_index(ROW, next_row).cast({ROW: pl.Int64})
                next_row += frame.height
                continue
            numbers = pl.int_range(next_row, next_row + frame.height + len(here), eager=True)
            numbers = numbers.filter(~numbers.is_in(here)).head(frame.height)
            yield frame.with_columns(numbers.alias(ROW))
            if frame.height:
                next_row = int(numbers[-1]) + 1
        self._broken.update(broken)
