"""Exact sums of the published rows."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from ingest_service.domain.contract import Contract, ControlTotal
from ingest_service.engine.job import PartFile

__all__ = ["control_totals", "totals_of", "values_of"]

_MAX_GROUPS = 10_000


def control_totals(contract: Contract, parts: Sequence[PartFile]) -> dict[str, str]:
    """Sums by `id` or `id/group/…`, as text, and `rows`. Groups beyond 10,000 are left out."""
    totals = {"rows": str(sum(part.rows for part in parts))}
    if not parts:
        return totals | {total.id: "0" for total in contract.control_totals if not total.by}
    frame = pl.scan_parquet([part.path for part in parts], glob=False)
    return totals | _sums(contract.control_totals, frame)


def totals_of(wanted: Sequence[ControlTotal], frame: pl.LazyFrame) -> dict[str, str]:
    """The same for these totals over any rows."""
    return {"rows": str(frame.select(pl.len()).collect().item())} | _sums(wanted, frame)


def _sums(wanted: Sequence[ControlTotal], frame: pl.LazyFrame) -> dict[str, str]:
    answers = pl.collect_all([_query(frame, total) for total in wanted])
    sums: dict[str, str] = {}
    for total, answer in zip(wanted, answers, strict=True):
        for *group, value in answer.iter_rows():
            sums["/".join([total.id, *("" if part is None else str(part) for part in group)])] = _exact(value)
    return sums


def values_of(contract: Contract, parts: Sequence[PartFile]) -> tuple[tuple[str, ...], ...]:
    """Distinct values, as text, of the columns by which mode replace chooses rows."""
    by = contract.publish.by if contract.publish else ()
    if not by or not parts:
        return ()
    frame = pl.scan_parquet([part.path for part in parts], glob=False)
    distinct = frame.select(pl.col(name).cast(pl.String) for name in by).unique().sort(by).collect()
    return tuple(tuple(str(value) for value in row) for row in distinct.iter_rows())


def _query(frame: pl.LazyFrame, total: ControlTotal) -> pl.LazyFrame:
    chosen = frame.filter(pl.sql_expr(total.where)) if total.where else frame
    value = pl.col(total.sum).sum().alias("__total")
    if not total.by:
        return chosen.select(value)
    return chosen.group_by(total.by).agg(value).sort(total.by).head(_MAX_GROUPS)


def _exact(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value or 0)
