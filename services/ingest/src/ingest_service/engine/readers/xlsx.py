"""XLSX: one sheet, cells as text, except number and date columns that hold nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import fastexcel
import polars as pl
from typing_extensions import override

from ingest_service.domain.contract import ColumnSpec, Format
from ingest_service.engine.columns import raw_name
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.plan import ROW
from ingest_service.engine.readers.source import Source, check_header
from ingest_service.engine.readers.workbookguard import hidden

__all__ = ["XlsxSource"]

# A cell that shows 1.234 and whose column holds numbers and texts: 1234 or 1 and a quarter, nobody can tell.
_EITHER = r"^-?[0-9]{1,3}[.,][0-9]{3}$"


class XlsxSource(Source):
    """One sheet of a workbook, read whole: its size is bounded before."""

    def __init__(self, path: Path, form: Format, columns: Sequence[ColumnSpec]) -> None:
        try:
            self._book = fastexcel.read_excel(path)
        except fastexcel.FastExcelError as error:
            raise _unreadable(error) from error
        self._form = form
        self.sheet = self._find_sheet()
        header = [str(name or "").strip() for name in self._read_header()]
        names = check_header(header, [c.file_column for c in columns if c.file_column is not None])
        self._frame = self._read(names, columns)

    @property
    @override
    def schema(self) -> dict[str, pl.DataType]:
        return {name.removeprefix("__raw:"): kind for name, kind in self._frame.schema.items() if name != ROW}

    @override
    def blocks(self, types: Mapping[str, pl.DataType] = MappingProxyType({})) -> Iterator[pl.DataFrame]:
        del types
        yield self._frame

    def _find_sheet(self) -> str:
        names: list[str] = self._book.sheet_names
        wanted = self._form.sheet
        if isinstance(wanted, int) and 0 <= wanted < len(names):
            return self._visible(names[wanted])
        if wanted in names:
            return self._visible(str(wanted))
        listed = ", ".join(names[:20])
        raise FatalFileError.of(
            "header",
            f"The workbook has no sheet {wanted}; it has {listed}.",
            f"Buku kerja tidak mempunyai lembar {wanted}; lembarnya {listed}.",
            f"Name the sheet {wanted}.",
            f"Beri nama lembar {wanted}.",
            value=str(wanted),
        )

    def _visible(self, sheet: str) -> str:
        if self._book.load_sheet(sheet, n_rows=0, header_row=None).visible != "visible":
            raise hidden(sheet)
        return sheet

    def _read_header(self) -> Sequence[Any]:
        row = self._form.header_row
        head = self._load(skip_rows=row - 1, n_rows=1, dtypes="string")
        if head.height == 0:
            raise FatalFileError.of(
                "header",
                f"Row {row} of the sheet holds no header.",
                f"Baris {row} pada lembar bukan baris judul.",
                f"Put the column names in row {row}.",
                f"Tulis nama kolom pada baris {row}.",
            )
        return head.row(0)

    def _read(self, names: list[str], columns: Sequence[ColumnSpec]) -> pl.DataFrame:
        skip = self._form.header_row
        frame = self._load(skip_rows=skip, dtypes="string")
        # Empty columns to the right of the header have no name and are left out.
        frame = frame.select(pl.nth(*range(min(len(names), frame.width))))
        frame.columns = [raw_name(name) for name in names[: frame.width]]
        frame = frame.with_columns(
            pl.lit(None, dtype=pl.String).alias(raw_name(n)) for n in names[frame.width :]
        )
        typed = [
            self._typed(column, names.index(column.file_column), frame)
            for column in columns
            if column.file_column in names and column.column_type.kind in {"integer", "decimal", "date"}
        ]
        frame = frame.with_columns(typed) if typed else frame
        numbered = frame.with_row_index(ROW, 1).cast({ROW: pl.Int64})
        return numbered.filter(~pl.all_horizontal(pl.exclude(ROW).is_null()))

    def _typed(self, column: ColumnSpec, index: int, texts: pl.DataFrame) -> pl.Series:
        """The column as numbers or dates where all its cells are; else as text, with what could be either marked."""
        name = raw_name(column.file_column or "")
        try:
            cells = self._load(
                skip_rows=self._form.header_row,
                use_columns=[index],
                dtype_coercion="strict",
                schema_sample_rows=None,
            ).to_series()
        except fastexcel.FastExcelError:
            text = pl.col(name)
            either = text.str.contains(_EITHER) & pl.lit(
                bool(column.style.group) or column.style.decimal == ","
            )
            marked = pl.when(either).then(text + pl.lit(" (number or text?)")).otherwise(text)
            return texts.select(marked.alias(name)).to_series()
        kind = cells.dtype
        if column.column_type.is_number and kind.is_numeric():
            return cells.cast(pl.Float64).alias(name)
        if column.column_type.kind == "date" and isinstance(kind, pl.Datetime):
            midnight = (cells == cells.dt.truncate("1d")).fill_null(value=True)
            return cells.dt.date().alias(name) if midnight.all() else texts[name]
        return texts[name]

    def _load(self, **options: Any) -> pl.DataFrame:
        try:
            sheet = self._book.load_sheet(self.sheet, header_row=None, **options)
            return pl.DataFrame(sheet.to_polars())
        except fastexcel.UnsupportedColumnTypeCombinationError:
            raise
        except fastexcel.FastExcelError as error:
            if options.get("n_rows") == 1 or "no rows" in str(error).lower():
                return pl.DataFrame()
            raise _unreadable(error) from error


def _unreadable(error: Exception) -> FatalFileError:
    said = str(error).partition("\n")[0]
    return FatalFileError.of(
        "file",
        f"The file cannot be read as XLSX: {said}.",
        f"Berkas tidak dapat dibaca sebagai XLSX: {said}.",
        "Save it as .xlsx again.",
        "Simpan ulang sebagai .xlsx.",
    )
