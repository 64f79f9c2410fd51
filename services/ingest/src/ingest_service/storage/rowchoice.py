"""Rows of a frame that a filter means."""

import polars as pl

from lake import RowFilter

__all__ = ["matching"]


def matching(where: RowFilter) -> pl.Expr:
    """True on rows that fulfil every condition."""
    if not where.conditions:
        return pl.lit(value=True)
    return pl.all_horizontal(
        pl.col(condition.column).is_in(sorted(condition.values, key=str)) for condition in where.conditions
    )
