"""Bad rows as a file to mend: the contract's own columns, the row's number, and what is wrong."""

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import date
from io import StringIO

from ingest_service.domain.contract import ColumnSpec, Contract
from ingest_service.domain.correction import (
    REASONS_COLUMN,
    ROW_COLUMN,
    BadRow,
    file_columns,
    neutral,
)

__all__ = ["csv_pieces", "header_of", "values_of"]

_PIECE_ROWS = 500
_PLAIN_NUMBER = re.compile(r"-?[0-9]+\.[0-9]+")
_WHOLE = re.compile(r"-?[0-9]+\.0")
_EITHER = re.compile(r"-?[0-9]{1,3}(\.[0-9]{3})+")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATES = {"dd/mm/yyyy": "%d/%m/%Y", "dd-mm-yyyy": "%d-%m-%Y", "month dd, yyyy": "%B %d, %Y"}


def header_of(contract: Contract) -> list[str]:
    """Column names of the file."""
    return [*file_columns(contract), ROW_COLUMN, REASONS_COLUMN]


def values_of(contract: Contract, row: BadRow, language: str) -> list[str]:
    """The file's line for one bad row, not yet neutralised."""
    columns = {column.file_column: column for column in contract.columns}
    from_cells = contract.format is not None and contract.format.type in {"xlsx", "workbook"}
    values = []
    for name in file_columns(contract):
        value = row.fields.get(name, "")
        values.append(_as_written(columns[name], value) if from_cells else value)
    reasons = " | ".join(reason.in_language(language) for reason in row.reasons)
    if row.text:
        reasons += f" | {row.text}"
    return [*values, str(row.row), reasons]


def csv_pieces(contract: Contract, rows: Sequence[BadRow], language: str) -> Iterator[bytes]:
    """CSV in UTF-8 with its mark, in the contract's delimiter and quote."""
    form = contract.format
    delimiter, quote = (form.delimiter, form.quote) if form is not None else (",", '"')
    text = StringIO()
    text.write("\ufeff")
    writer = csv.writer(text, delimiter=delimiter, quotechar=quote, lineterminator="\r\n")
    writer.writerow(header_of(contract))
    for start in range(0, len(rows), _PIECE_ROWS):
        writer.writerows(
            [neutral(value) for value in values_of(contract, row, language)]
            for row in rows[start : start + _PIECE_ROWS]
        )
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    if not rows:
        yield text.getvalue().encode()


def _as_written(column: ColumnSpec, value: str) -> str:
    """The value of a typed cell as the contract has it in text, since mended cells may be texts."""
    kind, style = column.column_type, column.style
    if kind.kind == "date" and style.format in _DATES and _ISO.fullmatch(value):
        return date.fromisoformat(value).strftime(_DATES[style.format])
    if kind.is_number and _WHOLE.fullmatch(value):
        # A cell's number, which has no other form.
        return value.removesuffix(".0")
    if kind.is_number and style.decimal == ",":
        if style.group == "." and _EITHER.fullmatch(value):
            # 1.234 may be a cell of one and a bit, or a text of thousands: whoever mends it says which.
            return f"{value} (number or text?)"
        if _PLAIN_NUMBER.fullmatch(value):
            return value.replace(".", ",")
    return value
