"""Numbers as people write them, into exact integers and decimals."""

import re

import polars as pl

from ingest_service.domain.contract import ColumnSpec, NumberStyle
from ingest_service.engine.parsed import Flaw, Parsed

__all__ = ["number_patterns", "parse_double", "parse_exact", "parse_number_text"]

_MODES = {"half_even": "half_to_even", "half_up": "half_away_from_zero"}
_EXACT_DOUBLE = 2.0**53
_MAX_DIGITS = 38


def parse_number_text(column: ColumnSpec, text: pl.Expr) -> Parsed:
    """Integers and decimals out of stripped text, null where it means nothing."""
    kind, style = column.column_type, column.style
    bare = text.str.strip_suffix(style.suffix).str.strip_chars() if style.suffix else text
    loose, strict = number_patterns(style, kind.scale if kind.kind == "decimal" else 0)
    plain = bare.str.replace_all(style.group, "", literal=True) if style.group else bare
    if style.decimal != ".":
        plain = plain.str.replace(style.decimal, ".", literal=True)
    if kind.kind == "integer":
        whole = bare.str.contains(number_patterns(style, None)[1])
        value = pl.when(whole).then(plain).cast(pl.Int64, strict=False)
        wrong = text.is_not_null() & value_of(column).is_null()
        return Parsed(value, wrong, (_type_flaw(column, text),))
    target = pl.Decimal(kind.precision, kind.scale)
    fits = bare.str.contains(strict)
    exact = pl.when(fits).then(plain).cast(target, strict=False)
    wrong = text.is_not_null() & value_of(column).is_null()
    well_formed = bare.str.contains(loose)
    if column.round is None:
        flaws = (
            _type_flaw(column, text, unless=well_formed & ~fits),
            _precision_flaw(column, text.is_not_null() & well_formed & ~fits),
        )
        return Parsed(exact, wrong, flaws)
    long = pl.when(well_formed & ~fits).then(plain).cast(_wide(kind.precision, kind.scale), strict=False)
    rounded = long.round(kind.scale, mode=_MODES[column.round]).cast(target, strict=False)  # type: ignore[arg-type]
    return Parsed(
        pl.coalesce(exact, rounded),
        wrong,
        (_type_flaw(column, text),),
        rounded=(well_formed & ~fits & value_of(column).is_not_null()).fill_null(value=False),
    )


def parse_double(column: ColumnSpec, number: pl.Expr) -> Parsed:
    """Integers and decimals out of doubles, whose last digits are trusted up to 2^53."""
    kind = column.column_type
    finite = number.is_finite()
    trusted = number.abs() <= _EXACT_DOUBLE
    if kind.kind == "integer":
        whole = number.round(0, mode="half_to_even")
        value = pl.when(finite & trusted & (whole == number)).then(whole).cast(pl.Int64, strict=False)
        flaws = (
            _type_flaw(column, number, unless=~trusted & finite),
            _inexact_flaw(column, finite & ~trusted),
        )
        return Parsed(value, number.is_not_null() & value_of(column).is_null(), flaws)
    mode = _MODES[column.round or "half_even"]
    if kind.scale == 0:
        whole = number.round(0, mode=mode)  # type: ignore[arg-type]
        decimal = pl.when(finite & trusted).then(whole).cast(pl.Int64, strict=False)
        value = decimal.cast(pl.Decimal(kind.precision, 0), strict=False)
        changed = finite & (whole != number)
    else:
        # The shortest text of a double is what was meant; its binary fraction is not.
        shortest = pl.when(finite & trusted).then(number).cast(pl.String)
        long = shortest.cast(_wide(kind.precision, kind.scale), strict=False)
        near = long.round(kind.scale, mode=mode)  # type: ignore[arg-type]
        value = near.cast(pl.Decimal(kind.precision, kind.scale), strict=False)
        changed = near != long
    wrong = number.is_not_null() & value_of(column).is_null()
    inexact = _inexact_flaw(column, finite & ~trusted)
    if column.round is None:
        exact = pl.when(~changed).then(value)
        other = _type_flaw(column, number, unless=(changed | ~trusted) & finite)
        return Parsed(exact, wrong, (other, _precision_flaw(column, changed & trusted), inexact))
    return Parsed(
        value,
        wrong,
        (_type_flaw(column, number, unless=~trusted & finite), inexact),
        rounded=(changed & value_of(column).is_not_null()).fill_null(value=False),
    )


def parse_exact(column: ColumnSpec, number: pl.Expr, scale: int) -> Parsed:
    """Integers and decimals out of integers and decimals of a typed file; `scale` is theirs."""
    kind = column.column_type
    wrong = number.is_not_null() & value_of(column).is_null()
    target = pl.Int64() if kind.kind == "integer" else pl.Decimal(kind.precision, kind.scale)
    if scale <= kind.scale:
        return Parsed(number.cast(target, strict=False), wrong, (_type_flaw(column, number),))
    mode = _MODES[column.round or "half_even"]
    near = number.round(kind.scale, mode=mode)  # type: ignore[arg-type]
    changed = near != number
    value = near.cast(target, strict=False)
    if column.round is None:
        rule = _precision_flaw(column, changed)
        return Parsed(
            pl.when(~changed).then(value), wrong, (_type_flaw(column, number, unless=changed), rule)
        )
    rounded = (changed & value_of(column).is_not_null()).fill_null(value=False)
    return Parsed(value, wrong, (_type_flaw(column, number),), rounded=rounded)


def value_of(column: ColumnSpec) -> pl.Expr:
    """The parsed value of a column, for expressions that run after parsing."""
    return pl.col(column.name)


def number_patterns(style: NumberStyle, scale: int | None) -> tuple[str, str]:
    """Regular expressions of any number in this style, and of one with at most `scale` decimals (None: a whole one)."""
    whole = "[0-9]+"
    if style.group:
        whole = rf"(?:[0-9]{{1,3}}(?:{re.escape(style.group)}[0-9]{{3}})*|[0-9]+)"
    mark = re.escape(style.decimal)
    loose = rf"^-?{whole}(?:{mark}[0-9]+)?$"
    if scale is None:
        return loose, rf"^-?{whole}$"
    # Zeros after the last digit that counts do no harm: 1,500 is 1,5.
    digits = f"[0-9]{{1,{scale}}}0*" if scale else "0+"
    return loose, rf"^-?{whole}(?:{mark}{digits})?$"


def _wide(precision: int, scale: int) -> pl.Decimal:
    """A decimal with room for all whole digits and for as many others as fit."""
    return pl.Decimal(_MAX_DIGITS, min(_MAX_DIGITS - (precision - scale), scale + 18))


def _type_flaw(column: ColumnSpec, source: pl.Expr, unless: pl.Expr | None = None) -> Flaw:
    broken = source.is_not_null() & value_of(column).is_null()
    if unless is not None:
        broken = broken & ~unless.fill_null(value=False)
    style = column.style
    sample = f"1{style.group}234{style.group}567"
    if column.column_type.scale:
        sample += style.decimal + "5" * min(column.column_type.scale, 2)
    return Flaw(
        "type",
        broken,
        f"{{value}} is no {column.type}.",
        f"{{value}} bukan {column.type}.",
        f"Write the number like {sample}{style.suffix}.",
        f"Tulis angkanya seperti {sample}{style.suffix}.",
    )


def _precision_flaw(column: ColumnSpec, broken: pl.Expr) -> Flaw:
    scale = column.column_type.scale
    return Flaw(
        "precision",
        broken,
        f"{{value}} has more than {scale} decimals.",
        f"{{value}} mempunyai lebih dari {scale} angka desimal.",
        f"Give at most {scale} decimals, or let the contract name a rounding rule.",
        f"Tulis paling banyak {scale} angka desimal, atau tetapkan aturan pembulatan pada kontrak.",
    )


def _inexact_flaw(column: ColumnSpec, broken: pl.Expr) -> Flaw:
    del column
    return Flaw(
        "inexact",
        broken,
        "{value} is a floating-point number above 2^53: its last digits are not to be trusted.",
        "{value} bilangan pecahan biner di atas 2^53: angka terakhirnya tidak dapat dipercaya.",
        "Send the amount as a decimal or as text.",
        "Kirim angka tersebut sebagai desimal atau teks.",
    )
