import polars as pl
import pytest
from pyiceberg.expressions import AlwaysFalse

from lake import RowFilter, TableSchema
from lake.errors import AccessDeniedError
from lake.iceberg import to_iceberg_schema
from lake.rowfilter import to_iceberg, to_polars

SCHEMA = TableSchema.of(
    [("province", "text"), ("year", "int"), ("small", "int32"), ("amount", "decimal(20,2)")]
)
FRAME = pl.DataFrame(
    {
        "province": ["32", "33", None, "032"],
        "year": [2016, None, 2016, 2017],
        "small": [1, 2, 3, 4],
        "amount": [None] * 4,
    },
    schema=SCHEMA.to_polars(),
)


def kept(row_filter: RowFilter) -> list[int]:
    return FRAME.lazy().filter(to_polars(row_filter, SCHEMA)).collect()["small"].to_list()


def test_no_condition_keeps_all() -> None:
    assert kept(RowFilter()) == [1, 2, 3, 4]


def test_values_are_compared_in_the_columns_type() -> None:
    assert kept(RowFilter.where("province", "32")) == [1]
    assert kept(RowFilter.where("province", 32)) == [1]
    assert kept(RowFilter.where("year", "2016")) == [1, 3]
    assert kept(RowFilter.where("year", "20x6", 2017)) == [4]


def test_conditions_are_a_conjunction() -> None:
    assert kept(RowFilter.where("province", "32", "33").also("year", 2016)) == [1]


def test_nothing_and_unmatchable_values_keep_nothing() -> None:
    assert kept(RowFilter.nothing()) == []
    assert kept(RowFilter.where("year", "not a year")) == []
    assert kept(RowFilter.where("small", 2**40)) == []


def test_nothing_for_iceberg() -> None:
    assert to_iceberg(RowFilter.nothing(), to_iceberg_schema(SCHEMA)) == AlwaysFalse()


@pytest.mark.parametrize("column", ["amount", "office"])
def test_a_column_that_cannot_be_filtered_denies(column: str) -> None:
    with pytest.raises(AccessDeniedError):
        to_polars(RowFilter.where(column, "32"), SCHEMA)


def test_hostile_values_are_only_values() -> None:
    assert kept(RowFilter.where("province", "32' OR '1'='1", '"); drop')) == []
