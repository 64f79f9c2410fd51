"""Cells as texts in the form that their column wants texts in, so that numbers and texts may stand side by side."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from ingest_service.domain.contract import ColumnSpec

__all__ = ["CellTexts"]

_EXACT = 2.0**53
_DATES = {
    "iso": "%Y-%m-%d",
    "dd/mm/yyyy": "%d/%m/%Y",
    "dd-mm-yyyy": "%d-%m-%Y",
    "month dd, yyyy": "%B %d, %Y",
}


class CellTexts:
    """How each column of a sheet is written."""

    def __init__(self, columns: Iterable[ColumnSpec]) -> None:
        self._styles = {column.file_column: column.style for column in columns}

    def of(self, column: str) -> Callable[[Any], str | None]:
        """Writes the cells of a column."""
        style = self._styles.get(column)
        mark = style.decimal if style else "."
        layout = _DATES[style.format if style else "iso"]

        def text(value: Any) -> str | None:
            if value is None or isinstance(value, str):
                return value
            if isinstance(value, bool):
                return "true" if value else "false"
            if isinstance(value, int | float):
                return _number(value, mark)
            if isinstance(value, datetime):
                midnight = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
                return value.strftime(layout) if midnight else value.isoformat(sep=" ")
            return value.strftime(layout) if isinstance(value, date) else str(value)

        return text


def _number(value: float, mark: str) -> str:
    if abs(value) > _EXACT:
        # Its last digits are lost already: nobody should take it for a number.
        return f"{value!r} (a floating-point number above 2^53)"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    written = repr(value)
    if "e" in written:
        written = f"{value:.20f}".rstrip("0")
    return written.replace(".", mark)
