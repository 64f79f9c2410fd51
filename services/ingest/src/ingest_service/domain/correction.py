"""Mending only the bad rows of a submission: what such a file looks like, and which contracts allow it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest_service.domain.contract import ColumnSpec, Contract, Format
from ingest_service.errors import CorrectionRefusedError
from servicekit.errors import Text

__all__ = [
    "MAX_ROWS",
    "REASONS_COLUMN",
    "ROW_COLUMN",
    "BadRow",
    "correction_contract",
    "file_columns",
    "neutral",
    "require_correctable",
]

ROW_COLUMN = "lumbung_row"
REASONS_COLUMN = "lumbung_reasons"
MAX_ROWS = 100_000
_AS_CSV = frozenset({"csv", "json", "jsonl", "report"})
_AS_WORKBOOK = frozenset({"xlsx", "workbook"})
# What a spreadsheet takes for a formula; a number with its sign is none.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,' ]*%?")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row in quarantine: its number, its columns as the file had them (or its text), and all that is wrong with it."""

    row: int
    fields: Mapping[str, str]
    text: str
    reasons: Sequence[Text]


def neutral(value: str) -> str:
    """A value that no spreadsheet runs as a formula: an apostrophe goes before it, which a correction takes off again."""
    if _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def correction_contract(contract: Contract) -> Contract:
    """The contract for a file of mended rows: the same columns and rules, a header, and the number of the bad row.

    Raises:
        CorrectionRefusedError: rows of this dataset cannot be judged one by one.
    """
    require_correctable(contract)
    form = contract.format or Format(type="csv")
    if form.type in _AS_WORKBOOK:
        own = Format(type="xlsx", null_values=form.null_values)
    else:
        own = Format(type="csv", delimiter=form.delimiter, quote=form.quote, null_values=form.null_values)
    number = ColumnSpec(name=ROW_COLUMN, type="integer", required=True, temporary=True)
    return contract.model_copy(
        update={
            "format": own,
            "columns": (*contract.columns, number),
            # A warning about a group says nothing when most of the group is not here.
            "rules": tuple(rule for rule in contract.rules if not rule.let),
        }
    )


def require_correctable(contract: Contract) -> None:
    """CorrectionRefusedError unless each row of the dataset's files can be judged and mended by itself."""
    if (why := next(_obstacles(contract), None)) is not None:
        raise CorrectionRefusedError(
            why,
            Text(
                en="Mend the rows in the whole file and send that.",
                id="Perbaiki barisnya di berkas lengkap lalu kirim berkas itu.",
            ),
        )


def _obstacles(contract: Contract) -> Iterator[Text]:
    together = [rule.id for rule in contract.rules if rule.let and rule.severity != "warning"]
    if together:
        names = ", ".join(together)
        yield Text(
            en=f"The contract's rules {names} look at several rows together.",
            id=f"Aturan kontrak {names} memeriksa beberapa baris sekaligus.",
        )
    carried = [column.name for column in contract.columns if column.carry is not None]
    placed = [column.name for column in contract.columns if (column.file_column or "").startswith("@")]
    if names := ", ".join((*carried, *placed)):
        yield Text(
            en=f"The columns {names} come from the place of a row in its file.",
            id=f"Kolom {names} diambil dari letak baris dalam berkasnya.",
        )
    form = contract.format
    if form is None or form.template is not None or form.type not in _AS_CSV | _AS_WORKBOOK:
        kind = form.type if form is not None else "-"
        yield Text(
            en=f"Files of this kind ({kind}) are not mended row by row.",
            id=f"Berkas jenis ini ({kind}) tidak dapat diperbaiki per baris.",
        )


def file_columns(contract: Contract) -> list[str]:
    """Columns of the contract's files, in order, each once."""
    return list(dict.fromkeys(column.file_column for column in contract.columns if column.file_column))
