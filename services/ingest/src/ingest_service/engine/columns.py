"""One declared column, compiled: where its text comes from, how it is parsed, what can be wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from ingest_service.domain.contract import ColumnSpec
from ingest_service.engine.numbers import parse_double, parse_exact, parse_number_text
from ingest_service.engine.parsed import Flaw, Parsed
from ingest_service.engine.texts import (
    code_text,
    parse_boolean_text,
    parse_date_text,
    parse_text,
    parse_timestamp_text,
    type_flaw,
)

__all__ = ["CompiledColumn", "compile_column", "raw_name", "text_name"]


def raw_name(source: str) -> str:
    """Name of a file's column inside the engine's frames."""
    return f"__raw:{source}"


def text_name(column: str) -> str:
    """Name of a column's value after source and map, before parsing."""
    return f"__in:{column}"


def mapped_from(column: str) -> str:
    """Name of a mapped column's value before the map."""
    return f"__from:{column}"


@dataclass(frozen=True, slots=True)
class CompiledColumn:
    """`layers` are steps of `with_columns`, in order; `wrong` is true on every row with a flaw, and may be null.

    `shown` is the value as it stood in the file.
    """

    spec: ColumnSpec
    layers: tuple[tuple[pl.Expr, ...], ...]
    wrong: pl.Expr
    flaws: tuple[Flaw, ...]
    rounded: pl.Expr | None
    shown: pl.Expr


def compile_column(
    spec: ColumnSpec, source_type: pl.DataType, null_values: tuple[str, ...], *, plain: bool = False
) -> CompiledColumn:
    """Compiles a column whose input, after source, carry or derive, has the given type.

    Text that is `plain` has been stripped, and is null where it means nothing.
    """
    own = pl.col(text_name(spec.name))
    first, shown = _input(spec, source_type, null_values, plain=plain)
    layers: list[tuple[pl.Expr, ...]] = [(first.alias(text_name(spec.name)),)]
    flaws: list[Flaw] = []
    kind = source_type
    if spec.map is not None:
        before = pl.col(mapped_from(spec.name))
        layers[0] = (first.cast(pl.String).alias(mapped_from(spec.name)),)
        mapping = spec.map
        changed = before.replace_strict(
            list(mapping), list(mapping.values()), default=None, return_dtype=pl.String
        )
        layers.append((changed.alias(text_name(spec.name)),))
        flaws.append(_unmapped(before.is_not_null() & own.is_null()))
        given, kind = before, pl.String()
        if spec.file_column is None:
            shown = before
    else:
        given = own
    parsed = _parse(spec, own, kind)
    layers.append((parsed.value.alias(spec.name),))
    flaws += parsed.flaws
    flaws += _value_flaws(spec, given)
    wrong = [flaw.broken for flaw in flaws if flaw.rule not in {"type", "precision", "inexact"}]
    if parsed.wrong is not None:
        wrong.append(parsed.wrong)
    anything = pl.any_horizontal(wrong) if wrong else pl.lit(value=False)
    return CompiledColumn(spec, tuple(layers), anything, tuple(flaws), parsed.rounded, shown)


def _input(
    spec: ColumnSpec, kind: pl.DataType, null_values: tuple[str, ...], *, plain: bool
) -> tuple[pl.Expr, pl.Expr]:
    """The value before map and parsing, and the value to show in a finding."""
    if spec.derive is not None:
        made = pl.sql_expr(spec.derive)
        return made, pl.col(text_name(spec.name)).cast(pl.String)
    if spec.carry is not None:
        heading = pl.col(spec.carry.source).cast(pl.String)
        carried = pl.when(heading.is_in(list(spec.carry.values))).then(heading).forward_fill()
        # What the rows before this block ended with.
        before = pl.col(f"__carry:{spec.name}")
        return carried.fill_null(before), pl.col(text_name(spec.name))
    raw = pl.col(raw_name(spec.file_column or ""))
    shown = raw.cast(pl.String)
    if plain or not isinstance(kind, pl.String):
        return raw, shown
    return _meaningful(spec, raw.str.strip_chars(), null_values), shown


def _meaningful(spec: ColumnSpec, text: pl.Expr, null_values: tuple[str, ...]) -> pl.Expr:
    """The text, or null where it means nothing."""
    nothing = list(dict.fromkeys((*null_values, *spec.null_values)))
    if nothing == [""]:
        return pl.when(text != "").then(text)
    return pl.when(~text.is_in(nothing)).then(text)


def _parse(spec: ColumnSpec, given: pl.Expr, kind: pl.DataType) -> Parsed:
    want = spec.column_type
    if isinstance(kind, pl.String):
        return _TEXT_PARSERS[want.kind](spec, given)
    if want.is_text:
        return code_text(spec, given) if kind.is_float() else parse_text(spec, given.cast(pl.String))
    if want.is_number and kind.is_float():
        return parse_double(spec, given.cast(pl.Float64))
    if want.is_number and (kind.is_integer() or isinstance(kind, pl.Decimal)):
        return parse_exact(spec, given, kind.scale if isinstance(kind, pl.Decimal) else 0)
    return _same(spec, given, kind)


_TEXT_PARSERS: dict[str, Callable[[ColumnSpec, pl.Expr], Parsed]] = {
    "text": parse_text,
    "code": parse_text,
    "integer": parse_number_text,
    "decimal": parse_number_text,
    "date": parse_date_text,
    "timestamp": parse_timestamp_text,
    "boolean": parse_boolean_text,
}


def _same(spec: ColumnSpec, given: pl.Expr, kind: pl.DataType) -> Parsed:
    """Dates, times and booleans of a typed file; any other pair of types is wrong in every row."""
    want = spec.column_type.kind
    flaw = type_flaw(spec, given, spec.type)
    wrong = given.is_not_null() & pl.col(spec.name).is_null()
    if isinstance(kind, pl.Null):
        return Parsed(
            given.cast(_POLARS[want]) if want in _POLARS else given.cast(_number(spec)), wrong, (flaw,)
        )
    if want == "date" and isinstance(kind, pl.Date):
        return Parsed(given, None)
    if want == "boolean" and isinstance(kind, pl.Boolean):
        return Parsed(given, None)
    if want == "timestamp" and isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return Parsed(given.dt.convert_time_zone("UTC").dt.cast_time_unit("us"), None)
    dtype = _POLARS[want] if want in _POLARS else _number(spec)
    return Parsed(pl.lit(None, dtype=dtype), wrong, (flaw,))


_POLARS: dict[str, pl.DataType] = {
    "text": pl.String(),
    "code": pl.String(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
    "boolean": pl.Boolean(),
}


def _number(spec: ColumnSpec) -> pl.DataType:
    kind = spec.column_type
    return pl.Int64() if kind.kind == "integer" else pl.Decimal(kind.precision, kind.scale)


def _unmapped(broken: pl.Expr) -> Flaw:
    return Flaw(
        "unmapped",
        broken,
        "{value} has no entry in the contract's map.",
        "{value} tidak ada dalam daftar padanan kontrak.",
        "Correct the spelling, or ask the steward to add it to the map.",
        "Perbaiki ejaannya, atau minta wali data menambahkannya ke daftar padanan.",
    )


def _value_flaws(spec: ColumnSpec, given: pl.Expr) -> list[Flaw]:
    found: list[Flaw] = []
    value = pl.col(spec.name)
    if spec.is_required:
        found.append(
            Flaw(
                "required",
                given.is_null(),
                f"{spec.name} is empty.",
                f"{spec.name} kosong.",
                "Fill in the value.",
                "Isi nilainya.",
            )
        )
    if spec.pattern is not None:
        found.append(
            Flaw(
                "pattern",
                ~value.str.contains(f"^(?:{spec.pattern})$"),
                _literal(f"{{value}} does not have the form {spec.pattern}."),
                _literal(f"{{value}} tidak berbentuk {spec.pattern}."),
                "Write the value in this form.",
                "Tulis nilai dalam bentuk tersebut.",
            )
        )
    if spec.allowed is not None:
        listed = ", ".join(spec.allowed[:10]) + (", …" if len(spec.allowed) > 10 else "")  # noqa: PLR2004
        found.append(
            Flaw(
                "allowed",
                ~value.is_in(list(spec.allowed)),
                "{value} is not among the allowed values.",
                "{value} bukan nilai yang diperbolehkan.",
                _literal(f"Use one of: {listed}"),
                _literal(f"Gunakan salah satu: {listed}"),
            )
        )
    return found


def _literal(template: str) -> str:
    """Doubles the braces of a template except those of `{value}`."""
    return template.replace("{", "{{").replace("}", "}}").replace("{{value}}", "{value}")
