"""Workbooks (XLSX, XLS, ODS), cell by cell: the table is where a layout of the template says it is."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import polars as pl
import python_calamine as calamine
from typing_extensions import override

from ingest_service.domain.contract import ColumnSpec, Format, Header, Layout, WorkbookTemplate
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits
from ingest_service.engine.readers.cells import OddCells, find_odd_cells
from ingest_service.engine.readers.celltext import CellTexts
from ingest_service.engine.readers.frames import text_blocks
from ingest_service.engine.readers.grid import Grid
from ingest_service.engine.readers.layout import LaidOut, NoFitError, lay_out
from ingest_service.engine.readers.source import TextSource, check_header
from ingest_service.engine.readers.workbookguard import check_workbook, hidden, locked

__all__ = ["WorkbookSource", "open_workbook"]


class WorkbookSource(TextSource):
    """The sheet of a workbook that a layout fits. It is read whole: its size is bounded before."""

    def __init__(
        self, path: Path, form: Format, limits: ValidationLimits, columns: Sequence[ColumnSpec]
    ) -> None:
        check_workbook(path, limits)
        self._path, self._form = path, form
        self._book = open_workbook(path)
        self._table = self._find_table()
        wanted = [column.file_column for column in columns if column.file_column is not None]
        self._names = check_header(self._table.names, wanted)
        self._texts = CellTexts(columns)

    @property
    @override
    def skipped(self) -> int:
        return self._table.skipped

    @override
    def blocks(self, types: Mapping[str, pl.DataType] = MappingProxyType({})) -> Iterator[pl.DataFrame]:
        del types
        renderers = [self._texts.of(name) for name in self._names]
        records = (
            (
                row,
                {name: text(value) for name, text, value in zip(self._names, renderers, values, strict=True)},
            )
            for row, values in enumerate(self._table.rows, 1)
        )
        yield from text_blocks(self._names, records)

    def _find_table(self) -> LaidOut:
        template = self._form.template
        if not isinstance(template, WorkbookTemplate):
            plain = Layout(name="sheet", header=Header(row=self._form.header_row))
            template = WorkbookTemplate(layouts=(plain,))
        said = []
        for layout in template.layouts:
            wanted = self._form.sheet if layout.sheet is None else layout.sheet
            try:
                return lay_out(self._grid(wanted), layout)
            except NoFitError as error:
                said.append(error)
        raise FatalFileError.of(
            "header",
            f"The workbook fits none of the contract's layouts: {'; '.join(str(error) for error in said)}.",
            f"Buku kerja tidak cocok dengan tata letak pada kontrak: {'; '.join(e.indonesian for e in said)}.",
            "Send the workbook in the agreed form, or ask the steward for a layout that fits.",
            "Kirim buku kerja dalam bentuk yang disepakati, atau minta wali data menambah tata letak.",
        )

    def _grid(self, wanted: str | int) -> Grid:
        sheets = self._book.sheets_metadata
        chosen = next(
            (s for index, s in enumerate(sheets) if wanted in (index, s.name) and type(wanted) is not bool),
            None,
        )
        if chosen is None:
            listed = ", ".join(sheet.name for sheet in sheets[:20])
            raise NoFitError(
                f"there is no sheet {wanted}, the sheets are {listed}",
                f"tidak ada lembar {wanted}, lembarnya {listed}",
            )
        if chosen.visible != calamine.SheetVisibleEnum.Visible:
            raise hidden(chosen.name)
        sheet = self._book.get_sheet_by_name(chosen.name)
        odd = find_odd_cells(self._path, chosen.name)
        if odd.bare:
            raise _not_computed(chosen.name, odd)
        try:
            rows = sheet.to_python(skip_empty_area=False)
            merged = sheet.merged_cell_ranges or []
        except calamine.CalamineError as error:
            raise _unreadable(error) from error
        return Grid(chosen.name, rows, merged, odd.errors)


def open_workbook(path: Path) -> calamine.CalamineWorkbook:
    """A workbook that passed its guards.

    Raises:
        FatalFileError: it needs a password or cannot be read.
    """
    try:
        return calamine.CalamineWorkbook.from_path(str(path))
    except calamine.PasswordError as error:
        raise locked() from error
    except (calamine.CalamineError, calamine.ZipError, calamine.XmlError, OSError) as error:
        raise _unreadable(error) from error


def _not_computed(sheet: str, odd: OddCells) -> FatalFileError:
    places = ", ".join(odd.bare[:10])
    return FatalFileError.of(
        "file",
        f"{len(odd.bare)} formulas of the sheet {sheet} have no value (in {places}).",
        f"{len(odd.bare)} rumus pada lembar {sheet} belum mempunyai nilai (pada {places}).",
        "Open the workbook in a spreadsheet program, let it compute, and save it.",
        "Buka dengan program lembar kerja agar dihitung, lalu simpan.",
        value=places,
    )


def _unreadable(error: Exception) -> FatalFileError:
    said = str(error).partition("\n")[0]
    return FatalFileError.of(
        "file",
        f"The workbook cannot be read: {said}.",
        f"Buku kerja tidak dapat dibaca: {said}.",
        "Save it as .xlsx again; it may have been cut off.",
        "Simpan ulang sebagai .xlsx; mungkin berkas terpotong.",
    )
