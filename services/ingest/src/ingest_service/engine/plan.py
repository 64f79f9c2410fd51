"""A contract compiled for files of one schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ingest_service.domain.contract import Contract, Rule
from ingest_service.engine.columns import CompiledColumn, compile_column, raw_name
from ingest_service.engine.expressions import extended, sql

__all__ = ["ERROR", "FLAGGED", "ROW", "Check", "Plan", "broken_by", "compile_plan", "compile_typed_plan"]

ROW = "__row"
ERROR = "__error"
FLAGGED = "__flagged"


@dataclass(frozen=True, slots=True)
class Check:
    """One rule over one column (or none). `broken` is never null; the texts are templates."""

    rule: str
    severity: str
    column: str
    broken: pl.Expr
    shown: pl.Expr
    message_en: str
    message_id: str
    remedy_en: str
    remedy_id: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compute for each block of rows.

    `layers` are steps of `with_columns`; after them the frame has every declared column, `__error` and `__flagged`
    (an error, a warning or a fatal finding). `rounded` has one expression per rounding column.
    """

    contract: Contract
    columns: tuple[CompiledColumn, ...]
    layers: tuple[tuple[pl.Expr, ...], ...]
    checks: tuple[Check, ...]
    rounded: Mapping[str, pl.Expr]

    def run(self, block: pl.DataFrame, carried: Mapping[str, str | None]) -> pl.DataFrame:
        """Parses and checks one block of raw columns; `carried` is what earlier blocks carry over."""
        frame = block.lazy()
        if carried:
            frame = frame.with_columns(
                pl.lit(value, dtype=pl.String).alias(f"__carry:{name}") for name, value in carried.items()
            )
        for layer in self.layers:
            frame = frame.with_columns(layer)
        return frame.collect()

    @property
    def carries(self) -> tuple[str, ...]:
        """Columns whose value goes on into the next block."""
        return tuple(column.spec.name for column in self.columns if column.spec.carry is not None)

    def shown(self, column: str | None) -> pl.Expr:
        """The value of a column as it stood in the file."""
        found = next((item for item in self.columns if item.spec.name == column), None)
        return found.shown if found else pl.lit(None, dtype=pl.String)


def broken_by(rule: Rule) -> pl.Expr:
    """True on rows that break a rule; a check that is null passes."""
    broken = ~sql(rule.check, f"rules ({rule.id}).check")
    if rule.when is not None:
        broken = sql(rule.when, f"rules ({rule.id}).when") & broken
    return broken.fill_null(value=False)


def compile_plan(
    contract: Contract, file_schema: Mapping[str, pl.DataType], more: Sequence[Check] = ()
) -> Plan:
    """Compiles a contract, and `more` checks (all errors), for a file whose columns have these types.

    Raises:
        ContractError: an expression or a pattern means nothing to Polars; names the place.
    """
    return _compile(contract, file_schema, frozenset(), more, proven=False)


def compile_typed_plan(
    contract: Contract, file_schema: Mapping[str, pl.DataType], types: Mapping[str, pl.DataType]
) -> Plan:
    """Compiles a contract that has been compiled before, for columns that the reader has turned into `types`."""
    plain = frozenset(name for name, kind in types.items() if kind == pl.String)
    return _compile(contract, {**file_schema, **types}, plain, (), proven=True)


def _compile(
    contract: Contract,
    file_schema: Mapping[str, pl.DataType],
    plain: frozenset[str],
    more: Sequence[Check],
    *,
    proven: bool,
) -> Plan:
    """Text of `plain` columns needs no stripping; what is `proven` is not tried out again."""
    nulls = contract.format.null_values if contract.format else ("",)
    schema = {ROW: pl.Int64(), **{raw_name(name): kind for name, kind in file_schema.items()}}
    # One row of nulls: on no rows at all Polars lets some wrong comparisons pass.
    frame = pl.LazyFrame({name: [None] for name in schema}, schema=schema)
    compiled: list[CompiledColumn] = []
    layers: list[tuple[pl.Expr, ...]] = []
    for spec in contract.columns:
        place = f"columns ({spec.name})"
        if spec.carry is not None:
            frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(f"__carry:{spec.name}"))
            kind: pl.DataType = pl.String()
        elif spec.derive is not None:
            kind = _type_of(frame, sql(spec.derive, place), place)
        else:
            kind = file_schema[spec.file_column or ""]
        column = compile_column(spec, kind, nulls, plain=spec.file_column in plain)
        for layer in column.layers:
            frame = frame.with_columns(layer) if proven else extended(frame, layer, place)
            layers.append(layer)
        compiled.append(column)
    plan = Plan(contract, tuple(compiled), (), (), {})
    rules = tuple(rule_check(rule, plan.shown(rule.column)) for rule in contract.rules if not rule.let)
    checks = (*_column_checks(compiled), *rules, *more)
    if not proven:
        for check in checks:
            extended(frame, (check.broken.alias("__check"),), f"{check.rule} ({check.column})")
        _try_sets(contract, frame)
    simple = (*rules, *more)
    hard = [column.wrong for column in compiled] + [c.broken for c in simple if c.severity != "warning"]
    soft = [c.broken for c in simple if c.severity == "warning"]
    error = pl.any_horizontal(hard).fill_null(value=False)
    flags = (error.alias(ERROR),)
    flagged = pl.any_horizontal([pl.col(ERROR), *soft]) if soft else pl.col(ERROR)
    rounded = {c.spec.name: c.rounded for c in compiled if c.rounded is not None}
    marks = tuple(expression.alias(f"__rounded:{name}") for name, expression in rounded.items())
    last = [(*flags, *marks), (flagged.alias(FLAGGED),)]
    return Plan(contract, tuple(compiled), _merged(layers + last), checks, rounded)


def rule_check(rule: Rule, shown: pl.Expr) -> Check:
    """A declared rule as a check."""
    return Check(
        rule.id,
        rule.severity,
        rule.column or "",
        broken_by(rule),
        shown,
        rule.message.en,
        rule.message.id,
        rule.remedy.en,
        rule.remedy.id,
    )


def _column_checks(columns: list[CompiledColumn]) -> list[Check]:
    return [
        Check(
            flaw.rule,
            "error",
            column.spec.name,
            flaw.broken.fill_null(value=False),
            column.shown,
            flaw.en,
            flaw.indonesian,
            flaw.remedy_en,
            flaw.remedy_id,
        )
        for column in columns
        for flaw in column.flaws
    ]


def _merged(layers: list[tuple[pl.Expr, ...]]) -> tuple[tuple[pl.Expr, ...], ...]:
    """Puts steps together that do not need each other, so that Polars computes them side by side."""
    merged: list[list[pl.Expr]] = []
    made_in: dict[str, int] = {}
    for layer in layers:
        needs = [made_in[n] for e in layer for n in e.meta.root_names() if n in made_in]
        level = max(needs, default=-1) + 1
        while len(merged) <= level:
            merged.append([])
        for expression in layer:
            merged[level].append(expression)
            made_in[expression.meta.output_name()] = level
    return tuple(tuple(layer) for layer in merged)


def _type_of(frame: pl.LazyFrame, expression: pl.Expr, place: str) -> pl.DataType:
    return extended(frame, (expression.alias("__type"),), place).collect_schema()["__type"]


def _try_sets(contract: Contract, frame: pl.LazyFrame) -> None:
    """Compiles what runs over sets of rows, so that it fails now or not at all."""
    for rule in contract.rules:
        if rule.let:
            aggregates = [
                sql(let.agg, f"rules ({rule.id}).let.{name}").alias(name) for name, let in rule.let.items()
            ]
            wider = extended(frame, tuple(aggregates), f"rules ({rule.id}).let")
            extended(wider, (broken_by(rule).alias("__check"),), f"rules ({rule.id})")
    for total in contract.control_totals:
        if total.where is not None:
            place = f"control_totals ({total.id})"
            condition = sql(total.where, place) & pl.lit(value=True)
            extended(frame, (condition.alias("__check"),), place)
