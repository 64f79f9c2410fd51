"""SQL expressions of a contract, tried out before any row is read."""

import polars as pl

from ingest_service.errors import ContractError
from servicekit.errors import Text

__all__ = ["does_not_work", "extended", "sql"]


def sql(text: str, place: str) -> pl.Expr:
    """An expression as Polars reads it; ContractError with its place where Polars cannot."""
    try:
        return pl.sql_expr(text)
    except pl.exceptions.PolarsError as error:
        raise does_not_work(place, error) from error


def extended(frame: pl.LazyFrame, layer: tuple[pl.Expr, ...], place: str) -> pl.LazyFrame:
    """A frame of one row of nulls with more columns; ContractError where an expression or a pattern fails on it."""
    more = frame.with_columns(layer)
    try:
        more.collect()
    except pl.exceptions.PolarsError as error:
        raise does_not_work(place, error) from error
    return more


def does_not_work(place: str, error: Exception) -> ContractError:
    """The contract fails at a place, for a reason that Polars gives."""
    said = str(error).strip().partition("\n")[0]
    return ContractError(
        Text(
            en=f"The contract's {place} does not work: {said}.",
            id=f"{place} pada kontrak tidak dapat dipakai: {said}.",
        ),
        Text(en="Correct the contract and apply it again.", id="Perbaiki kontrak lalu terapkan lagi."),
        field=place,
    )
