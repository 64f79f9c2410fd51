"""Two states of a dataset held against each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ingest_service.domain.comparison import ChangeKind, RowChange, TotalChange
from ingest_service.domain.contract import Contract, ControlTotal
from ingest_service.domain.contract.expressions import columns_of
from ingest_service.engine.totals import totals_of

__all__ = ["Difference", "compare", "compare_totals"]

_AFTER = "__after:"
_OLD, _NEW, _KIND = "__old", "__new", "__kind"


@dataclass(frozen=True, slots=True)
class Difference:
    """Numbers of rows, and some of them."""

    added: int
    removed: int
    changed: int
    same: int
    rows: tuple[RowChange, ...]


def compare(
    before: pl.LazyFrame, after: pl.LazyFrame, keys: Sequence[str], columns: Sequence[str], limit: int
) -> Difference:
    """Rows of the same key side by side; without a key, rows with all the same values. At most `limit` one by one."""
    return _by_key(before, after, keys, columns, limit) if keys else _by_values(before, after, columns, limit)


def _by_key(
    before: pl.LazyFrame, after: pl.LazyFrame, keys: Sequence[str], columns: Sequence[str], limit: int
) -> Difference:
    others = [name for name in columns if name not in keys]
    new = after.select(
        *keys, *(pl.col(name).alias(_AFTER + name) for name in others), pl.lit(value=True).alias(_NEW)
    )
    old = before.select(*keys, *others, pl.lit(value=True).alias(_OLD))
    differs = [pl.col(name).ne_missing(pl.col(_AFTER + name)) for name in others]
    changed = pl.any_horizontal(differs) if differs else pl.lit(value=False)
    joined = old.join(new, on=list(keys), how="full", coalesce=True, nulls_equal=True).with_columns(
        pl.when(pl.col(_OLD).is_null())
        .then(pl.lit(ChangeKind.ADDED.value))
        .when(pl.col(_NEW).is_null())
        .then(pl.lit(ChangeKind.REMOVED.value))
        .when(changed)
        .then(pl.lit(ChangeKind.CHANGED.value))
        .otherwise(pl.lit("same"))
        .alias(_KIND)
    )
    counts = dict(joined.group_by(_KIND).len().collect(engine="streaming").iter_rows())
    some = joined.filter(pl.col(_KIND) != "same").sort(keys).head(limit).collect(engine="streaming")
    rows = tuple(_row(row, keys, others) for row in some.iter_rows(named=True))
    added, removed, changed_rows = (counts.get(kind.value, 0) for kind in ChangeKind)
    return Difference(added, removed, changed_rows, counts.get("same", 0), rows)


def _row(row: dict[str, Any], keys: Sequence[str], others: Sequence[str]) -> RowChange:
    kind = ChangeKind(row[_KIND])
    values = {
        name: (_text(row[name]), _text(row[_AFTER + name]))
        for name in others
        if row[name] != row[_AFTER + name]
    }
    return RowChange(kind, {key: _text(row[key]) or "" for key in keys}, values)


def _by_values(before: pl.LazyFrame, after: pl.LazyFrame, columns: Sequence[str], limit: int) -> Difference:
    names = list(columns)
    old = before.select(names).group_by(names).len(_OLD)
    new = after.select(names).group_by(names).len(_NEW)
    joined = old.join(new, on=names, how="full", coalesce=True, nulls_equal=True).with_columns(
        pl.col(_OLD, _NEW).fill_null(0).cast(pl.Int64)
    )
    more = pl.col(_NEW) - pl.col(_OLD)
    sums = joined.select(
        more.clip(lower_bound=0).sum().alias("added"),
        (-more).clip(lower_bound=0).sum().alias("removed"),
        pl.min_horizontal(_OLD, _NEW).sum().alias("same"),
    ).collect(engine="streaming")
    some = joined.filter(more != 0).sort(names).head(limit).collect(engine="streaming")
    rows = tuple(
        RowChange(
            ChangeKind.ADDED if row[_NEW] > row[_OLD] else ChangeKind.REMOVED,
            {name: _text(row[name]) or "" for name in names},
            {},
        )
        for row in some.iter_rows(named=True)
    )
    return Difference(sums["added"][0], sums["removed"][0], 0, sums["same"][0], rows)


def compare_totals(
    contract: Contract, before: pl.LazyFrame, after: pl.LazyFrame, columns: Sequence[str]
) -> tuple[TotalChange, ...]:
    """Control totals of both, of those that can be told from these columns."""
    usable = [total for total in contract.control_totals if _columns(total) <= set(columns)]
    old, new = totals_of(usable, before), totals_of(usable, after)
    return tuple(TotalChange(name, old.get(name), new.get(name)) for name in dict.fromkeys((*old, *new)))


def _columns(total: ControlTotal) -> set[str]:
    return {total.sum, *total.by, *(columns_of(total.where) if total.where else ())}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
