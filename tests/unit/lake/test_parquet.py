import io
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pyarrow.parquet as pq
import pytest
from pyiceberg.io.pyarrow import schema_to_pyarrow

from lake import Column, MemoryObjectStore, TableSchema, WriteTarget, write_parquet
from lake.errors import InvalidCommitError, SchemaMismatchError
from lake.iceberg import to_iceberg_schema

SCHEMA = TableSchema(
    (Column("code", "text", required=True), Column("amount", "decimal(20,2)"), Column("time", "timestamptz"))
)
TARGET = WriteTarget("t", "r1", "memory://memory/t/data/run=r1", schema_to_pyarrow(to_iceberg_schema(SCHEMA)))


@pytest.fixture
def store() -> MemoryObjectStore:
    return MemoryObjectStore()


def test_writes_one_object_named_after_run_part_and_content(store: MemoryObjectStore) -> None:
    frame = pl.DataFrame({"code": ["01", "02"], "amount": [Decimal("0.10"), None]})
    written = write_parquet(store, frame, TARGET, "p0")
    assert written.path.startswith("memory://memory/t/data/run=r1/p0-")
    key = store.key_of(written.path)
    assert store.stat(key).size == written.bytes
    table = pq.read_table(io.BytesIO(store.get(key)))
    assert (written.rows, table.num_rows) == (2, 2)
    assert table["amount"].to_pylist() == [Decimal("0.10"), None]
    assert table["time"].to_pylist() == [None, None]
    ids = [field.metadata[b"PARQUET:field_id"] for field in table.schema]
    assert ids == [b"1", b"2", b"3"]


def test_a_retry_with_the_same_content_is_the_same_object(store: MemoryObjectStore) -> None:
    frame = pl.DataFrame({"code": ["01"]})
    assert write_parquet(store, frame, TARGET, "p0") == write_parquet(store, frame.lazy(), TARGET, "p0")
    other = write_parquet(store, pl.DataFrame({"code": ["02"]}), TARGET, "p0")
    assert len(store.list_prefix("")) == 2
    assert other.path != write_parquet(store, frame, TARGET, "p0").path


def test_no_rows_no_object(store: MemoryObjectStore) -> None:
    assert (
        write_parquet(store, pl.DataFrame({"code": []}, schema={"code": pl.String}), TARGET, "p0").rows == 0
    )
    assert store.list_prefix("") == []


def test_exact_casts(store: MemoryObjectStore) -> None:
    frame = pl.DataFrame(
        {
            "code": pl.Series(["a"], dtype=pl.Categorical),
            "amount": [12],
            "time": pl.Series([datetime(2017, 1, 1, 7, tzinfo=UTC)]).dt.convert_time_zone("Asia/Jakarta"),
        }
    )
    written = write_parquet(store, frame, TARGET, "p0")
    table = pq.read_table(io.BytesIO(store.get(store.key_of(written.path))))
    assert table["amount"].to_pylist() == [Decimal("12.00")]
    assert table["time"].to_pylist() == [datetime(2017, 1, 1, 7, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("amount", [1.5]),
        ("amount", ["1.5"]),
        ("amount", [Decimal("0.001")]),
        ("code", [32]),
        ("time", [datetime(2017, 1, 1)]),  # noqa: DTZ001
        ("foreign", [1]),
    ],
)
def test_inexact_casts_and_foreign_columns_are_refused(
    store: MemoryObjectStore, column: str, values: list[object]
) -> None:
    frame = pl.DataFrame({"code": ["a"]}).with_columns(pl.Series(column, values))
    with pytest.raises(SchemaMismatchError, match=column):
        write_parquet(store, frame, TARGET, "p0")
    assert store.list_prefix("") == []


def test_a_value_that_does_not_fit_is_refused(store: MemoryObjectStore) -> None:
    frame = pl.DataFrame({"code": ["a"], "amount": pl.Series([Decimal(10) ** 25], dtype=pl.Decimal(38, 2))})
    with pytest.raises(SchemaMismatchError):
        write_parquet(store, frame, TARGET, "p0")


def test_required_columns(store: MemoryObjectStore) -> None:
    with pytest.raises(SchemaMismatchError, match="code"):
        write_parquet(store, pl.DataFrame({"amount": [1]}), TARGET, "p0")
    with pytest.raises(SchemaMismatchError):
        write_parquet(store, pl.DataFrame({"code": ["a", None]}), TARGET, "p0")


@pytest.mark.parametrize("part", ["", "../x", "a/b", "x" * 200])
def test_bad_part_names(store: MemoryObjectStore, part: str) -> None:
    with pytest.raises(InvalidCommitError):
        write_parquet(store, pl.DataFrame({"code": ["a"]}), TARGET, part)
