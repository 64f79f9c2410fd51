"""Holds the parts of a contract against each other: names that exist, order, types that fit."""

from collections.abc import Iterator
from string import Formatter

from ingest_service.domain.contract.expressions import columns_of
from ingest_service.domain.contract.model import BUILT_IN, ColumnSpec, Contract, Rule

__all__ = ["problems_of"]

_REPLACEABLE = frozenset({"text", "code", "integer"})


def problems_of(contract: Contract) -> Iterator[str]:
    """Each problem as `path: what is wrong`."""
    names = [column.name for column in contract.columns]
    if contract.provenance is not None:
        names += [contract.provenance.row, contract.provenance.submission]
    yield from (
        f"columns: {name} is declared twice" for name in sorted({n for n in names if names.count(n) > 1})
    )
    known: set[str] = set()
    for index, column in enumerate(contract.columns):
        yield from (f"columns[{index}].{text}" for text in _column(column, known))
        known.add(column.name)
    ids = [rule.id for rule in contract.rules]
    for index, rule in enumerate(contract.rules):
        place = f"rules[{index}] ({rule.id})"
        if rule.id in BUILT_IN or ids.count(rule.id) > 1:
            yield f"{place}.id: it is built in or used twice"
        yield from (f"{place}.{text}" for text in _rule(rule, known))
    yield from _totals(contract, known)
    yield from _publish(contract)
    if contract.windows is not None and contract.format is None:
        yield "windows: a dataset that takes no files needs no windows"


def _uses(place: str, text: str, known: set[str], *, aggregate: bool = False) -> Iterator[str]:
    try:
        used = columns_of(text, aggregate=aggregate)
    except ValueError as error:
        yield f"{place}: {error}"
        return
    yield from (f"{place}: there is no column {name}" for name in sorted(used - known))


def _column(column: ColumnSpec, known: set[str]) -> Iterator[str]:
    if column.derive is not None:
        yield from _uses("derive", column.derive, known)
    if column.carry is not None and column.carry.source not in known:
        yield f"carry.from: there is no column {column.carry.source} above"


def _rule(rule: Rule, known: set[str]) -> Iterator[str]:
    visible = known | set(rule.let)
    if clash := known & set(rule.let):
        yield f"let: {', '.join(sorted(clash))} is a column already"
    if rule.column is not None and rule.column not in known:
        yield f"column: there is no column {rule.column}"
    if rule.when is not None:
        yield from _uses("when", rule.when, visible)
    yield from _uses("check", rule.check, visible)
    for name, let in rule.let.items():
        yield from _uses(f"let.{name}.agg", let.agg, known, aggregate=True)
        yield from (f"let.{name}.by: there is no column {by}" for by in let.by if by not in known)
    for place, text in (("message", rule.message), ("remedy", rule.remedy)):
        for language in ("id", "en"):
            for field in _fields(getattr(text, language)):
                if field not in visible | {"value"}:
                    yield f"{place}.{language}: {{{field}}} is no column or let"


def _fields(template: str) -> Iterator[str]:
    try:
        for _text, field, _spec, _conversion in Formatter().parse(template):
            if field is not None:
                yield field
    except ValueError:
        yield template


def _totals(contract: Contract, known: set[str]) -> Iterator[str]:
    for index, total in enumerate(contract.control_totals):
        place = f"control_totals[{index}] ({total.id})"
        column = contract.column(total.sum)
        if column is None or not column.column_type.is_number:
            yield f"{place}.sum: {total.sum} is no number column"
        if total.where is not None:
            yield from _uses(f"{place}.where", total.where, known)
        yield from (f"{place}.by: there is no column {by}" for by in total.by if by not in known)


def _publish(contract: Contract) -> Iterator[str]:
    if contract.format is not None and contract.publish is None:
        yield "publish: a dataset that takes files says how its rows enter the table"
    for by in contract.publish.by if contract.publish else ():
        column = contract.column(by)
        if column is None or column.temporary:
            yield f"publish.by: there is no stored column {by}"
        elif column.column_type.kind not in _REPLACEABLE or not column.is_required:
            yield f"publish.by: {by} has to be a required text, code or integer"
