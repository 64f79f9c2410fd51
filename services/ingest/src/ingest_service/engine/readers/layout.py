"""Takes the table out of a sheet: header, rows, what is passed over, columns that become rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest_service.domain.contract import CellMatch, Layout
from ingest_service.engine.readers.grid import Grid, plain_text

__all__ = ["LaidOut", "NoFitError", "lay_out"]

SHEET, ROW_PLACE, COLUMN_PLACE = "@sheet", "@row", "@column"


class NoFitError(Exception):
    """The sheet is not as the layout says; in both languages."""

    def __init__(self, en: str, indonesian: str) -> None:
        super().__init__(en)
        self.indonesian = indonesian


@dataclass
class LaidOut:
    """A table out of a sheet: names, rows of cells, and how many rows of the sheet were passed over."""

    names: list[str]
    rows: list[list[Any]] = field(default_factory=list)
    skipped: int = 0


@dataclass
class _Row:
    """A row of the sheet with its number from 0."""

    number: int
    cells: list[Any]


def lay_out(grid: Grid, layout: Layout) -> LaidOut:
    """The table that a layout finds.

    Raises:
        NoFitError: says what the sheet lacks.
    """
    if layout.transpose:
        grid = grid.transposed()
    first = _header_row(grid, layout)
    last = first + layout.header.rows - 1
    head = _head(grid, layout, first, last)
    names = _unique(
        [" ".join(dict.fromkeys(text for text in texts if text)) for texts in zip(*head, strict=True)]
    )
    captured = _captured(grid, layout, first)
    rows, skipped = _data(grid, layout, names, last + 1 + layout.header.skip_below)
    if layout.unpivot is None:
        kept = [index for index, name in enumerate(names) if name]
        table = LaidOut([*captured, *(names[index] for index in kept), SHEET, ROW_PLACE], skipped=skipped)
        for row in rows:
            cells = [row.cells[index] for index in kept]
            table.rows.append([*captured.values(), *cells, grid.sheet, str(row.number + 1)])
        return table
    return _unpivoted(grid, layout, head, names, captured, rows, skipped)


def _header_row(grid: Grid, layout: Layout) -> int:
    header = layout.header
    if header.row is not None:
        if header.row > len(grid.rows):
            raise NoFitError(
                f"{layout.name}: the sheet {grid.sheet} has no row {header.row}",
                f"{layout.name}: lembar {grid.sheet} tidak mempunyai baris {header.row}",
            )
        return header.row - 1
    wanted = set(header.find)
    for number, row in enumerate(grid.rows[: header.within]):
        if wanted <= {plain_text(value) for value in row}:
            return number
    listed = ", ".join(header.find)
    raise NoFitError(
        f"{layout.name}: none of the first {header.within} rows of the sheet {grid.sheet} has the names {listed}",
        f"{layout.name}: {header.within} baris pertama lembar {grid.sheet} tidak memuat nama {listed}",
    )


def _head(grid: Grid, layout: Layout, first: int, last: int) -> list[list[str]]:
    """Texts of the header's rows, all as wide as the sheet."""
    rows = (
        grid.filled(first, last) if layout.header.fill else [list(row) for row in grid.rows[first : last + 1]]
    )
    if len(rows) < layout.header.rows:
        raise NoFitError(
            f"{layout.name}: the sheet {grid.sheet} ends within its header",
            f"{layout.name}: lembar {grid.sheet} berakhir di dalam baris judul",
        )
    width = max((len(row) for row in grid.rows), default=0)
    return [[plain_text(value) for value in row] + [""] * (width - len(row)) for row in rows]


def _unique(names: Sequence[str]) -> list[str]:
    """The first of equal names stays as it is, the others get the number of their column."""
    seen: set[str] = set()
    given = []
    for number, name in enumerate(names, 1):
        given.append(f"{name}_{number}" if name and name in seen else name)
        seen.add(name)
    return given


def _captured(grid: Grid, layout: Layout, first: int) -> dict[str, str | None]:
    texts = [plain_text(value) for row in grid.rows[:first] for value in row if value is not None]
    found: dict[str, str | None] = {}
    for name, capture in layout.above.items():
        pattern = re.compile(capture.pattern)
        match = next((m for text in texts if (m := pattern.search(text))), None)
        if match is None and capture.required:
            raise NoFitError(
                f"{layout.name}: nothing above the header says {name} in the form {capture.pattern}",
                f"{layout.name}: tidak ada {name} berbentuk {capture.pattern} di atas baris judul",
            )
        found[name] = match[1] if match else None
    return found


def _data(grid: Grid, layout: Layout, names: list[str], first: int) -> tuple[list[_Row], int]:
    """Rows of the table, and how many others that are not empty."""
    stop, skip = _Matches(layout.stop, names), _Matches(layout.skip, names)
    fill = [names.index(name) for name in layout.fill_down if name in names]
    rows: list[_Row] = []
    skipped = 0
    stopped = False
    above: dict[int, Any] = {}
    for number, given in enumerate(grid.rows[first:], first):
        cells = list(given) + [None] * (len(names) - len(given))
        if all(value is None for value in cells):
            continue
        stopped = stopped or stop.any_of(cells)
        if stopped or skip.any_of(cells):
            skipped += 1
            continue
        for index in fill:
            if cells[index] is None:
                cells[index] = above.get(index)
            above[index] = cells[index]
        rows.append(_Row(number, cells))
    return rows, skipped


class _Matches:
    """Patterns on cells of a row."""

    def __init__(self, matches: Sequence[CellMatch], names: list[str]) -> None:
        self._patterns = [
            (None if m.column is None else names.index(m.column), re.compile(m.pattern))
            for m in matches
            if m.column is None or m.column in names
        ]

    def any_of(self, cells: list[Any]) -> bool:
        first = next((plain_text(value) for value in cells if value is not None), "")
        return any(
            pattern.search(first if index is None else plain_text(cells[index]))
            for index, pattern in self._patterns
        )


def _unpivoted(
    grid: Grid,
    layout: Layout,
    head: list[list[str]],
    names: list[str],
    captured: dict[str, str | None],
    rows: list[_Row],
    skipped: int,
) -> LaidOut:
    unpivot = layout.unpivot
    if unpivot is None:
        raise TypeError("the layout leaves columns as they are")
    missing = [name for name in unpivot.keep if name not in names]
    if missing:
        raise NoFitError(
            f"{layout.name}: the header has no {missing[0]}",
            f"{layout.name}: judul tidak memuat {missing[0]}",
        )
    kept = [names.index(name) for name in unpivot.keep]
    left_out = re.compile(unpivot.leave_out) if unpivot.leave_out else None
    labels = [(name, texts) for name, texts in zip(unpivot.names, head, strict=False) if name is not None]
    turned = [
        index
        for index, name in enumerate(names)
        if name and index not in kept and not (left_out and left_out.search(name))
    ]
    columns = [name for name, _texts in labels]
    table = LaidOut(
        [*captured, *unpivot.keep.values(), *columns, unpivot.value, SHEET, ROW_PLACE, COLUMN_PLACE],
        skipped=skipped,
    )
    constant = list(captured.values())
    of_column = [(i, [texts[i] or None for _name, texts in labels], _letters(i)) for i in turned]
    for row in rows:
        begin = [*constant, *(row.cells[index] for index in kept)]
        place = str(row.number + 1)
        for index, label, letters in of_column:
            table.rows.append([*begin, *label, row.cells[index], grid.sheet, place, letters])
    return table


def _letters(index: int) -> str:
    """The name of a column: A, B, …, Z, AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
