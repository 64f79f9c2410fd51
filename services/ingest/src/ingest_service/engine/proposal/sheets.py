"""Where the table is in a workbook."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import python_calamine as calamine

from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import Remark, ValidationLimits
from ingest_service.engine.proposal.remarks import header_below, remark
from ingest_service.engine.readers.grid import plain_text
from ingest_service.engine.readers.workbook import open_workbook
from ingest_service.engine.readers.workbookguard import check_workbook

__all__ = ["sniff_workbook"]

_LOOKED_AT = 30
# A row of names has at least so many of the cells that the widest row has.
_NEARLY_ALL = 0.8


def sniff_workbook(path: Path, limits: ValidationLimits) -> tuple[dict[str, Any], tuple[Remark, ...]]:
    """The format of a workbook: the visible sheet with most cells, and the first row that reads like names.

    Raises:
        FatalFileError: it does not pass the guards, no sheet can be seen, or the visible ones are empty.
    """
    check_workbook(path, limits)
    book = open_workbook(path)
    sheets = [sheet for sheet in book.sheets_metadata if sheet.visible == calamine.SheetVisibleEnum.Visible]
    sizes = {sheet.name: _cells(book, sheet.name) for sheet in sheets}
    if not any(sizes.values()):
        raise FatalFileError.of(
            "file",
            "The workbook shows no sheet with cells.",
            "Buku kerja tidak menampilkan lembar yang berisi.",
            "Show the sheet with the table and save it again.",
            "Tampilkan lembar yang berisi tabel lalu simpan lagi.",
        )
    name = max(sizes, key=lambda sheet: sizes[sheet])
    rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False, nrows=_LOOKED_AT * 4)
    remarks: list[Remark] = []
    if len(sizes) > 1:
        others = ", ".join(sheet for sheet in sizes if sheet != name)
        remarks.append(
            remark(
                f"The sheet {name} has most cells and is read; left out: {others}.",
                f"Lembar {name} paling banyak isinya dan dibaca; tidak dibaca: {others}.",
            )
        )
    kind = "xlsx" if _is_zip(path) and not _is_open_document(path) else "workbook"
    form: dict[str, Any] = {"type": kind}
    if name != book.sheets_metadata[0].name:
        form["sheet"] = name
    header = _header_of(rows)
    if header > 0:
        form["header_row"] = header + 1
        above = (filter(None, map(plain_text, row)) for row in rows[:header])
        remarks.append(header_below(header + 1, "in row", above))
    if book.get_sheet_by_name(name).merged_cell_ranges:
        remarks.append(
            remark(
                "The sheet has merged cells: where names or values are merged, the contract needs a template.",
                "Lembar memuat sel gabungan: bila judul atau nilai digabung, kontrak memerlukan templat.",
            )
        )
    return form, tuple(remarks)


def _cells(book: calamine.CalamineWorkbook, name: str) -> int:
    sheet = book.get_sheet_by_name(name)
    return int(sheet.height * sheet.width)


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"PK"


def _is_open_document(path: Path) -> bool:
    with path.open("rb") as stream:
        return b"opendocument" in stream.read(128)


def _header_of(rows: Sequence[Sequence[Any]]) -> int:
    """The first row that is nearly as full as the fullest and holds only texts; else the first that is full."""
    filled = [[cell for cell in row if plain_text(cell)] for row in rows[:_LOOKED_AT]]
    widest = max((len(cells) for cells in filled), default=0)
    full = [index for index, cells in enumerate(filled) if cells and len(cells) >= _NEARLY_ALL * widest]
    texts = [index for index in full if all(isinstance(cell, str) for cell in filled[index])]
    return next(iter(texts or full), 0)
