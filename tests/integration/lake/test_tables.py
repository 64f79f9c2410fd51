from decimal import Decimal

import polars as pl
import psycopg
import pytest

from lake import Column, Lake, LakeSettings, TableId, TableSchema, system_decision
from lake.errors import (
    CommitConflictError,
    SchemaMismatchError,
    SnapshotNotFoundError,
    TableExistsError,
    TableNotFoundError,
)
from servicekit.postgres import connection_info

SCHEMA = TableSchema(
    (
        Column("code", "text", required=True, description="Account code"),
        Column("small", "int32"),
        Column("amount", "decimal(18,2)"),
    )
)


def read(lake: Lake, table: str, snapshot_id: int | None = None) -> pl.DataFrame:
    decision = system_decision(table, run_id="test")
    return lake.reader.scan(table, decision, snapshot_id=snapshot_id).lazyframe.collect()


def test_create_describe_and_drop(lake: Lake) -> None:
    info = lake.create_table("created", SCHEMA, description="Anggaran daerah", properties={"owner": "pusat"})
    assert info.schema == SCHEMA
    assert (info.description, dict(info.properties)) == ("Anggaran daerah", {"owner": "pusat"})
    assert (info.snapshot_id, info.rows, info.bytes, info.files, info.snapshot_count) == (None, 0, 0, 0, 0)
    assert TableId.of("created") in lake.list_tables()
    assert TableId.of("created") not in lake.list_tables("quarantine")
    with pytest.raises(TableExistsError, match="created"):
        lake.create_table("created", SCHEMA)
    lake.drop_table("created")
    lake.drop_table("created")
    assert not lake.table_exists("created")
    with pytest.raises(TableNotFoundError, match="created"):
        lake.describe("created")


def test_a_table_made_again_is_another_table(lake: Lake) -> None:
    first = lake.create_table("again", SCHEMA)
    lake.writer("again").append(pl.DataFrame({"code": ["a"]}), run_id="r1")
    lake.drop_table("again")
    second = lake.create_table("again", SCHEMA)
    assert second.location != first.location
    result = lake.writer("again").append(pl.DataFrame({"code": ["b"]}), run_id="r1")
    assert not result.repeated
    assert read(lake, "again")["code"].to_list() == ["b"]


def test_ensure_is_idempotent(lake: Lake) -> None:
    first = lake.ensure_table("ensured", SCHEMA, description="one")
    assert lake.ensure_table("ensured", SCHEMA) == first
    assert lake.ensure_table("ensured", SCHEMA, description="two").description == "two"


def test_ensure_does_not_wait_for_a_writer_when_nothing_changes(
    lake: Lake, lake_settings: LakeSettings
) -> None:
    uid = lake.ensure_table("waiting", SCHEMA, description="one").uid
    with psycopg.connect(connection_info(lake_settings.postgres)) as writer:
        writer.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"lake:{uid}"])
        hasty = lake_settings.model_copy(update={"lock_timeout_seconds": 1})
        with Lake.open(hasty) as other:
            assert other.ensure_table("waiting", SCHEMA).uid == uid
            with pytest.raises(CommitConflictError):
                other.ensure_table("waiting", SCHEMA, description="two")


def test_widened_and_added_columns_read_old_files_right(lake: Lake) -> None:
    lake.create_table("widened", SCHEMA)
    old = pl.DataFrame({"code": ["a"], "small": pl.Series([7], dtype=pl.Int32), "amount": [Decimal("1.25")]})
    first = lake.writer("widened").append(old, run_id="r1")
    wanted = TableSchema.of(
        [("code", "text"), ("small", "int"), ("amount", "decimal(38,2)"), ("note", "text")]
    )
    info = lake.ensure_table("widened", wanted)
    assert [column.type for column in info.schema.columns] == ["text", "int", "decimal(38,2)", "text"]
    assert not info.schema.columns[0].required
    new = pl.DataFrame({"code": [None], "small": [2**40], "amount": [Decimal(10) ** 30], "note": ["n"]}).cast(
        {"code": pl.String, "amount": pl.Decimal(38, 2)}
    )
    lake.writer("widened").append(new, run_id="r2")
    assert read(lake, "widened").sort("small").rows() == [
        ("a", 7, Decimal("1.25"), None),
        (None, 2**40, Decimal(10) ** 30, "n"),
    ]
    before = read(lake, "widened", first.snapshot_id)
    assert before.columns == ["code", "small", "amount"]
    assert before.schema["small"] == pl.Int32


def test_renamed_columns_read_old_files_right(lake: Lake) -> None:
    lake.create_table("renamed", SCHEMA)
    lake.writer("renamed").append(
        pl.DataFrame({"code": ["a"], "small": pl.Series([1], dtype=pl.Int32)}), run_id="r1"
    )
    lake.rename_column("renamed", "small", "count")
    assert read(lake, "renamed").columns == ["code", "count", "amount"]
    assert read(lake, "renamed")["count"].to_list() == [1]
    lake.ensure_table("renamed", TableSchema.of([("code", "text"), ("small", "text")]))
    lake.writer("renamed").append(
        pl.DataFrame({"code": ["b"], "count": pl.Series([2], dtype=pl.Int32), "small": ["new"]}), run_id="r2"
    )
    frame = read(lake, "renamed").sort("code")
    assert frame.select("code", "count", "small").rows() == [("a", 1, None), ("b", 2, "new")]
    decision = system_decision("renamed", run_id="test")
    partitions = lake.reader.plan_files("renamed", decision)
    by_parts = pl.concat(
        lake.reader.scan_partition(partition, decision) for partition in partitions
    ).collect()
    assert by_parts.sort("code").equals(frame)


@pytest.mark.parametrize("kind", ["int", "text", "decimal(18,3)", "decimal(17,2)", "double"], ids=str)
def test_changes_that_are_not_additive_are_refused(lake: Lake, kind: str) -> None:
    lake.ensure_table("fixed", SCHEMA)
    with pytest.raises(SchemaMismatchError, match="amount"):
        lake.ensure_table("fixed", TableSchema.of([("amount", kind), ("other", "text")]))
    assert lake.describe("fixed").schema == SCHEMA


def test_description_and_properties(lake: Lake) -> None:
    lake.create_table("described", SCHEMA, properties={"owner": "pusat"})
    lake.set_description("described", "Belanja")
    info = lake.set_properties("described", {"unit": "rupiah"})
    assert (info.description, dict(info.properties)) == ("Belanja", {"owner": "pusat", "unit": "rupiah"})


def test_tags(lake: Lake) -> None:
    lake.create_table("tagged", SCHEMA)
    result = lake.writer("tagged").append(pl.DataFrame({"code": ["a"]}), run_id="r1")
    lake.tag("tagged", result.snapshot_id, "publication-2017")
    assert lake.tags("tagged") == {"publication-2017": result.snapshot_id}
    with pytest.raises(SnapshotNotFoundError):
        lake.tag("tagged", 1, "x")


def test_quarantine_is_a_table_of_its_own(lake: Lake) -> None:
    lake.create_table("both", SCHEMA)
    lake.create_table(TableId.quarantine("both"), TableSchema.of([("row", "int"), ("rule", "text")]))
    assert lake.list_tables("quarantine") == [TableId.quarantine("both")]
    lake.writer("quarantine.both").append(pl.DataFrame({"row": [1], "rule": ["unit"]}), run_id="r1")
    assert lake.describe("both").rows == 0
    assert lake.describe("quarantine.both").rows == 1


def test_another_process_sees_changes_at_once(lake: Lake, lake_settings: LakeSettings) -> None:
    with Lake.open(lake_settings) as other:
        lake.create_table("shared", SCHEMA)
        for number in range(3):
            lake.writer("shared").append(pl.DataFrame({"code": ["a"]}), run_id=f"r{number}")
            assert other.describe("shared").rows == number + 1


def test_secrets_do_not_show(lake_settings: LakeSettings) -> None:
    shown = repr(lake_settings) + str(lake_settings.model_dump())
    assert lake_settings.s3.secret_key.get_secret_value() not in shown
    assert lake_settings.postgres.password.get_secret_value() not in shown
