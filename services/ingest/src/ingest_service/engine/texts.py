"""Texts, codes, dates, times and yes-or-no values."""

import polars as pl

from ingest_service.domain.contract import ColumnSpec
from ingest_service.engine.parsed import Flaw, Parsed

__all__ = [
    "code_text",
    "parse_boolean_text",
    "parse_date_text",
    "parse_text",
    "parse_timestamp_text",
    "type_flaw",
]

_DATES = {
    "iso": (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "%Y-%m-%d", "2026-01-31"),
    "dd/mm/yyyy": (r"^[0-9]{2}/[0-9]{2}/[0-9]{4}$", "%d/%m/%Y", "31/01/2026"),
    "dd-mm-yyyy": (r"^[0-9]{2}-[0-9]{2}-[0-9]{4}$", "%d-%m-%Y", "31-01-2026"),
    "month dd, yyyy": (r"^[A-Z][a-z]+ [0-9]{1,2}, [0-9]{4}$", "%B %d, %Y", "January 31, 2026"),
}
_TIMESTAMP = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:?[0-9]{2})$"
)
_TRUE, _FALSE = ["true", "1"], ["false", "0"]


def parse_text(column: ColumnSpec, text: pl.Expr) -> Parsed:
    """Text as it is; a code is filled with zeros to its width."""
    return Parsed(text.str.pad_start(column.pad, "0") if column.pad else text, None)


def code_text(column: ColumnSpec, number: pl.Expr) -> Parsed:
    """A code out of doubles: whole ones become their digits."""
    whole = number.is_finite() & (number == number.round(0)) & (number.abs() <= 2.0**53)
    digits = pl.when(whole).then(number).cast(pl.Int64, strict=False).cast(pl.String)
    value = digits.str.pad_start(column.pad, "0") if column.pad else digits
    return Parsed(
        value, number.is_not_null() & pl.col(column.name).is_null(), (type_flaw(column, number, "0123"),)
    )


def parse_date_text(column: ColumnSpec, text: pl.Expr) -> Parsed:
    """Dates in the column's style."""
    pattern, layout, sample = _DATES[column.style.format]
    if column.style.format == "month dd, yyyy":
        text = text.str.replace_all(r" +", " ")
    value = pl.when(text.str.contains(pattern)).then(text).str.to_date(layout, strict=False)
    return Parsed(
        value, text.is_not_null() & pl.col(column.name).is_null(), (type_flaw(column, text, sample),)
    )


def parse_timestamp_text(column: ColumnSpec, text: pl.Expr) -> Parsed:
    """ISO 8601 with a zone; an hour without a zone could be any hour."""
    stamp = pl.when(text.str.contains(_TIMESTAMP)).then(text)
    ready = stamp.str.replace(" ", "T", literal=True).str.replace(r"Z$", "+00:00")
    ready = ready.str.replace(r"([+-][0-9]{2})([0-9]{2})$", "${1}:${2}")
    value = ready.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", time_zone="UTC", strict=False)
    flaw = type_flaw(column, text, "2026-01-31T08:00:00+07:00")
    return Parsed(value, text.is_not_null() & pl.col(column.name).is_null(), (flaw,))


def parse_boolean_text(column: ColumnSpec, text: pl.Expr) -> Parsed:
    """True and false in any case, 1 and 0."""
    lower = text.str.to_lowercase()
    value = pl.when(lower.is_in(_TRUE)).then(True).when(lower.is_in(_FALSE)).then(False)
    return Parsed(
        value, text.is_not_null() & pl.col(column.name).is_null(), (type_flaw(column, text, "true"),)
    )


def type_flaw(column: ColumnSpec, source: pl.Expr, sample: str) -> Flaw:
    """The value is not of the column's type."""
    return Flaw(
        "type",
        source.is_not_null() & pl.col(column.name).is_null(),
        f"{{value}} is no {column.type}.",
        f"{{value}} bukan {column.type}.",
        f"Write it like {sample}.",
        f"Tulis seperti {sample}.",
    )
