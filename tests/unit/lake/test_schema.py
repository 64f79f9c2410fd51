import polars as pl
import pyarrow as pa
import pytest

from lake import Column, TableId, TableSchema

ALL = TableSchema.of(
    [
        ("a", "text"),
        ("b", "int"),
        ("c", "int32"),
        ("d", "bool"),
        ("e", "date"),
        ("f", "timestamptz"),
        ("g", "double"),
        ("h", "binary"),
        ("i", "decimal(38,0)"),
        ("j", "decimal(20,2)"),
    ]
)


def test_arrow_and_back() -> None:
    assert TableSchema.from_arrow(ALL.to_arrow()) == ALL


def test_polars_types() -> None:
    assert ALL.to_polars()["j"] == pl.Decimal(20, 2)
    assert ALL.to_polars()["f"] == pl.Datetime("us", "UTC")
    assert TableSchema.from_arrow(pl.DataFrame(schema=ALL.to_polars()).to_arrow().schema).names == ALL.names


@pytest.mark.parametrize("kind", ["float", "decimal(39,0)", "decimal(5,6)", "decimal(0,0)", "varchar(3)", ""])
def test_unknown_types_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="column 'x'"):
        Column("x", kind)


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.list_(pa.int64()), pa.time64("us"), pa.uint64()])
def test_arrow_types_without_a_counterpart_are_refused(kind: pa.DataType) -> None:
    with pytest.raises(ValueError, match="no exact counterpart"):
        TableSchema.from_arrow(pa.schema([("x", kind)]))


def test_names_are_unique() -> None:
    with pytest.raises(ValueError, match="more than once: a"):
        TableSchema.of([("a", "text"), ("a", "int")])
    with pytest.raises(ValueError, match="at least one"):
        TableSchema(())


def test_table_ids() -> None:
    assert TableId.of("apbd") == TableId("lake", "apbd")
    assert str(TableId.of("apbd")) == "apbd"
    assert str(TableId.quarantine("apbd")) == "quarantine.apbd"
    assert TableId.of("quarantine.apbd") == TableId.quarantine("apbd")


@pytest.mark.parametrize(
    "name", ["", "Apbd", "1a", "a-b", "a b", "a/b", "a" * 64, "x;drop", "a.b.c", "..", "a\n"]
)
def test_bad_table_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a table name"):
        TableId.of(name)
