"""The cells of a sheet."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Grid", "plain_text"]

Place = tuple[int, int]


class Grid:
    """Cells by row and column from 0, with merged ranges (first and last place); an empty cell is None."""

    def __init__(
        self,
        sheet: str,
        rows: Sequence[Sequence[Any]],
        merged: Sequence[tuple[Place, Place]],
        errors: Mapping[Place, str],
    ) -> None:
        self.sheet = sheet
        self.rows = [[None if value == "" else value for value in row] for row in rows]
        self.merged = list(merged)
        for (row, column), text in errors.items():
            if row < len(self.rows) and column < len(self.rows[row]):
                self.rows[row][column] = text

    def transposed(self) -> "Grid":
        """Rows and columns changed over."""
        width = max((len(row) for row in self.rows), default=0)
        turned = [
            [row[column] if column < len(row) else None for row in self.rows] for column in range(width)
        ]
        merged = [((left, top), (right, bottom)) for (top, left), (bottom, right) in self.merged]
        return Grid(self.sheet, turned, merged, {})

    def filled(self, first: int, last: int) -> list[list[Any]]:
        """Rows from `first` to `last`, where a merged cell's value stands in all of its places."""
        rows = [list(row) for row in self.rows[first : last + 1]]
        for (top, left), (bottom, right) in self.merged:
            if top > last or bottom < first:
                continue
            value = self.rows[top][left] if top < len(self.rows) and left < len(self.rows[top]) else None
            for row in rows[max(top - first, 0) : bottom - first + 1]:
                for column in range(left, min(right + 1, len(row))):
                    row[column] = value
        return rows


def plain_text(value: Any) -> str:
    """A cell's text on one line, for names and patterns."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else " ".join(str(value).split())
