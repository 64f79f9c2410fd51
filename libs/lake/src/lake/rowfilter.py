"""A row filter as Polars and as Iceberg understand it."""

from collections.abc import Sequence
from typing import Any

import polars as pl
from pyiceberg.expressions import AlwaysFalse, AlwaysTrue, And, BooleanExpression, In
from pyiceberg.schema import Schema

from lake.decision import Condition, FilterValue, RowFilter
from lake.iceberg import from_iceberg_schema
from lake.resolution import cannot_filter
from lake.schema import TableSchema


def to_polars(row_filter: RowFilter, schema: TableSchema) -> pl.Expr:
    """An expression for `filter`: true for the rows that match; false or null (which filter drops alike) for others.

    Nothing is wrapped around the comparisons, so that the scan can prune with file statistics. AccessDeniedError when the table lacks a column of the filter: what cannot be filtered is not shown.
    """
    matches: list[pl.Expr] = []
    for condition in row_filter.conditions:
        values = values_of(condition, schema)
        if not values:
            return pl.lit(value=False)
        column = pl.col(condition.column)
        matches.append(column == values[0] if len(values) == 1 else column.is_in(values))
    return pl.all_horizontal(matches) if matches else pl.lit(value=True)


def to_iceberg(row_filter: RowFilter, schema: Schema) -> BooleanExpression:
    """The same filter for Iceberg's planning."""
    # These constructors are made at run time; checkers cannot agree on it.
    both: Any = And
    one_of: Any = In
    result: BooleanExpression = AlwaysTrue()
    for condition in row_filter.conditions:
        values = values_of(condition, from_iceberg_schema(schema))
        result = both(result, one_of(condition.column, values) if values else AlwaysFalse())
    return result


def values_of(condition: Condition, schema: TableSchema) -> Sequence[FilterValue]:
    """The condition's values in the column's type, sorted; a value that the column cannot hold matches no row."""
    if not condition.values:
        return ()
    kind = next((column.type for column in schema.columns if column.name == condition.column), None)
    if kind == "text":
        return sorted(str(value) for value in condition.values)
    if kind in {"int", "int32"}:
        bound = 2**31 if kind == "int32" else 2**63
        numbers = (int(value) for value in condition.values if _is_integer(value))
        return sorted(number for number in numbers if -bound <= number < bound)
    raise cannot_filter()


def _is_integer(value: FilterValue) -> bool:
    return isinstance(value, int) or value.removeprefix("-").isdecimal()
