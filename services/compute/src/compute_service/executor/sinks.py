"""Makes a step's rows fit the contract of the dataset they go to."""

import polars as pl

from compute_service.domain.contract import SinkColumn, SinkContract
from compute_service.errors import RunFailedError
from lake import Column
from servicekit.errors import Text

__all__ = ["check_keys", "check_rows", "fit_contract"]

_ROUND = {"half_even": "half_to_even", "half_up": "half_away_from_zero"}


def fit_contract(frame: pl.LazyFrame, contract: SinkContract) -> pl.LazyFrame:
    """The contract's columns in its order and types; RunFailedError when a column is missing."""
    schema = frame.collect_schema()
    expressions = []
    for column in contract.columns:
        if column.name not in schema:
            raise sink_failure(contract, f"column {column.name} is missing", f"kolom {column.name} tidak ada")
        expressions.append(_cast(column, schema[column.name]))
    return frame.select(expressions)


def _cast(column: SinkColumn, kind: pl.DataType) -> pl.Expr:
    value = pl.col(column.name)
    wanted = Column(column.name, column.type).polars_type
    if kind == wanted:
        return value
    if column.round and isinstance(wanted, pl.Decimal):
        value = value.round(wanted.scale, mode=_ROUND[column.round])  # type: ignore[arg-type]
    # Strict: a value that does not fit fails the run. What fits must come back the same.
    cast = value.cast(wanted, strict=True)
    if kind.is_numeric() and not column.round:
        return (
            pl.when(cast.cast(kind, strict=True) == value)
            .then(cast)
            .otherwise(_loss(kind, wanted))
            .alias(column.name)
        )
    return cast


def _loss(kind: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    # Null where a value was: `check_rows` compares counts of null before and after.
    del kind
    return pl.lit(None, dtype=wanted)


def check_rows(before: pl.DataFrame, after: pl.DataFrame, contract: SinkContract) -> None:
    """RunFailedError for a loss in a cast, a null in a required column, or a value that is not allowed."""
    for column in contract.columns:
        nulls = after[column.name].null_count()
        if nulls > before[column.name].null_count():
            lost = before.filter(before[column.name].is_not_null() & after[column.name].is_null())[
                column.name
            ][0]
            raise sink_failure(
                contract, f"column {column.name}: {lost} does not fit {column.type} without loss",
                f"kolom {column.name}: {lost} tidak muat dalam {column.type} tanpa kehilangan",
            )  # fmt: skip
        if column.required and nulls:
            raise sink_failure(
                contract, f"column {column.name} is required and null in {nulls} row(s)",
                f"kolom {column.name} wajib tetapi kosong pada {nulls} baris",
            )  # fmt: skip
        if column.allowed:
            strange = after[column.name].drop_nulls()
            strange = strange.filter(~strange.is_in(column.allowed))
            if strange.len():
                raise sink_failure(
                    contract, f"column {column.name}: {strange[0]!r} is not allowed",
                    f"kolom {column.name}: {strange[0]!r} tidak diizinkan",
                )  # fmt: skip


def check_keys(keys: pl.DataFrame, contract: SinkContract) -> None:
    """RunFailedError when a key stands in more than one row. `keys` has the key's columns of all rows."""
    if not contract.keys:
        return
    repeated = keys.filter(keys.is_duplicated())
    if repeated.height:
        first = ", ".join(f"{name}={value}" for name, value in repeated.row(0, named=True).items())
        raise sink_failure(contract, f"the key {first} is repeated", f"kunci {first} berulang")


def sink_failure(contract: SinkContract, en: str, indonesian: str) -> RunFailedError:
    """The failure of a sink."""
    return RunFailedError(
        Text(en=f"Sink {contract.dataset}: {en}.", id=f"Tujuan {contract.dataset}: {indonesian}."),
        Text(en="Correct the pipeline or the contract.", id="Perbaiki pipeline atau kontraknya."),
        metadata={"sink": contract.dataset},
    )
