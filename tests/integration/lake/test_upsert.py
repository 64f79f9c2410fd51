"""Rows replaced by their key, and the newest commit that says something."""

import polars as pl

from lake import Column, TableSchema, allow_all

SCHEMA = TableSchema(
    (Column("id", "int", required=True), Column("code", "text", required=True), Column("n", "int"))
)


def frame(*rows):
    return pl.DataFrame(rows, schema={"id": pl.Int64, "code": pl.String, "n": pl.Int64}, orient="row")


def test_keys_are_replaced_and_deleted_and_other_files_stay(lake):
    lake.create_table("upserted", SCHEMA)
    writer = lake.writer("upserted")
    writer.append(frame((1, "a", 1), (2, "a", 2)), run_id="one", properties={"source": "x"})
    writer.append(frame((100, "a", 3)), run_id="two", properties={"source": "y"})
    new = frame((2, "a", 20), (2, "b", 21))
    keys = pl.concat([new, frame((1, "a", None), (7, "a", None))]).select("id", "code")
    done = writer.upsert(new, keys=keys, run_id="three", properties={"source": "x"})
    again = writer.upsert(frame((5, "z", 5)), keys=keys, run_id="three")
    assert again.repeated
    assert again.snapshot_id == done.snapshot_id
    rows = (
        lake.reader.scan("upserted", allow_all("upserted", "test"))
        .lazyframe.collect()
        .sort("id", "code")
        .rows()
    )
    assert rows == [(2, "a", 20), (2, "b", 21), (100, "a", 3)]
    assert done.rows_total == 3
    assert writer.newest_commit("source", "x").run_id == "three"
    assert writer.newest_commit("source", "y").run_id == "two"
    assert writer.newest_commit("source", "z") is None
