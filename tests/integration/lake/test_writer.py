import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest

from lake import (
    Follows,
    Lake,
    LakeSettings,
    RowFilter,
    TableSchema,
    WrittenFile,
    system_decision,
    write_parquet,
)
from lake.errors import (
    CommitConflictError,
    InvalidCommitError,
    OvertakenError,
    SchemaMismatchError,
    StoreError,
    TableNotFoundError,
)
from lake.iceberg import LakeCatalog, load_table, open_catalog
from lake.objectstore import ObjectStore
from lake.schema import TableId
from servicekit.postgres import connection_info

SCHEMA = TableSchema.of([("province", "text"), ("year", "int"), ("amount", "decimal(20,2)")])


@pytest.fixture
def table(lake: Lake, request: pytest.FixtureRequest) -> str:
    name = request.node.name.removeprefix("test_").split("[")[0][:60]
    lake.create_table(name, SCHEMA)
    return str(name)


def rows(*values: tuple[str, int, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [(province, year, Decimal(amount)) for province, year, amount in values],
        schema=SCHEMA.to_polars(),
        orient="row",
    )


def read(lake: Lake, table: str, **options: Any) -> list[tuple[Any, ...]]:
    scan = lake.reader.scan(table, system_decision(table, run_id="test"), **options)
    return sorted(scan.lazyframe.collect().rows())


def test_append_carries_controls_and_properties(lake: Lake, lake_settings: LakeSettings, table: str) -> None:
    result = lake.writer(table).append(
        rows(("32", 2016, "1.10"), ("33", 2016, "2.20")),
        run_id="r1",
        controls={"amount": Decimal("3.30"), "rows": 2},
        properties={"submission": "submissions/s1", "trace_id": "abc"},
    )
    assert (result.rows_added, result.rows_total, result.sequence, result.mode) == (2, 2, 1, "append")
    assert result.bytes_added > 0
    assert result.controls == {"amount": "3.30", "rows": "2"}
    newest = lake.snapshots(table)[0]
    assert (newest.snapshot_id, newest.run_id) == (result.snapshot_id, "r1")
    assert newest.summary["lumbung.property.submission"] == "submissions/s1"
    with psycopg.connect(connection_info(lake_settings.postgres)) as connection:
        row = connection.execute(
            "SELECT snapshot_id, controls, properties FROM lake_commits WHERE table_name = %s", [table]
        ).fetchall()
    assert row == [(result.snapshot_id, dict(result.controls), dict(result.properties))]


def test_the_same_run_twice_is_one_snapshot(lake: Lake, table: str) -> None:
    writer = lake.writer(table)
    first = writer.append(rows(("32", 2016, "1")), run_id="r1")
    again = writer.append(rows(("99", 1999, "9")), run_id="r1")
    assert (again.snapshot_id, again.repeated, first.repeated) == (first.snapshot_id, True, False)
    assert writer.overwrite([], run_id="r1").snapshot_id == first.snapshot_id
    assert read(lake, table) == [("32", 2016, Decimal(1))]
    found = writer.find_commit("r1")
    assert found is not None
    assert found.snapshot_id == first.snapshot_id
    assert writer.find_commit("other") is None


def test_a_lost_answer(lake: Lake, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = LakeCatalog.commit_table

    def commit_and_lose_the_answer(self: LakeCatalog, *arguments: Any) -> Any:
        real(self, *arguments)
        raise ConnectionError("the answer was lost")

    monkeypatch.setattr(LakeCatalog, "commit_table", commit_and_lose_the_answer)
    result = lake.writer(table).append(rows(("32", 2016, "1")), run_id="r1")
    monkeypatch.undo()
    assert lake.describe(table).snapshot_id == result.snapshot_id
    assert lake.writer(table).append(rows(("32", 2016, "1")), run_id="r1").repeated
    assert len(read(lake, table)) == 1


def test_a_failed_commit_leaves_nothing(lake: Lake, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise ConnectionError("no catalog")

    monkeypatch.setattr(LakeCatalog, "commit_table", fail)
    with pytest.raises(StoreError):
        lake.writer(table).append(rows(("32", 2016, "1")), run_id="r1")
    monkeypatch.undo()
    assert lake.describe(table).snapshot_id is None
    assert lake.writer(table).append(rows(("32", 2016, "1")), run_id="r1").rows_total == 1


def test_overwrites_do_not_pile_up_manifests(lake: Lake, lake_settings: LakeSettings, table: str) -> None:
    writer = lake.writer(table)
    writer.append(rows(("32", 2016, "1"), ("33", 2016, "2")), run_id="r0")
    for number in range(1, 6):
        writer.overwrite(
            rows(("33", 2016, f"{number}")), run_id=f"r{number}", where=RowFilter.where("province", "33")
        )
    catalog = open_catalog(lake_settings)
    try:
        newest = load_table(catalog, TableId.of(table)).current_snapshot()
        assert newest is not None
        manifests = newest.manifests(load_table(catalog, TableId.of(table)).io)
    finally:
        catalog.close()
    # What is there, what was added, and what this commit deleted: none of the deletions of earlier ones.
    assert len(manifests) == 3
    assert read(lake, table) == [("32", 2016, Decimal("1.00")), ("33", 2016, Decimal("5.00"))]
    for number in range(1, 6):
        snapshot = next(item for item in lake.snapshots(table) if item.run_id == f"r{number}")
        assert read(lake, table, snapshot_id=snapshot.snapshot_id)[1][2] == number


def test_files_of_tasks(lake: Lake, table: str) -> None:
    writer = lake.writer(table)
    target = writer.target("r1")
    files = [
        write_parquet(lake.objects, rows((str(n), 2016, f"{n}.01")), target, f"part-{n}") for n in range(5)
    ]
    files.append(write_parquet(lake.objects, rows().lazy(), target, "part-empty"))
    result = writer.append(files, run_id="r1")
    assert (result.rows_added, result.bytes_added) == (5, sum(file.bytes for file in files))
    assert read(lake, table) == [(str(n), 2016, Decimal(f"{n}.01")) for n in range(5)]
    assert all("/data/run=r1/part-" in file.path for file in files[:5])


def test_files_that_no_task_of_this_run_wrote(lake: Lake, table: str) -> None:
    writer = lake.writer(table)
    other = write_parquet(lake.objects, rows(("32", 2016, "1")), writer.target("other"), "p")
    with pytest.raises(InvalidCommitError, match="does not lie under"):
        writer.append([other], run_id="r1")
    prefix = writer.target("r1").prefix
    with pytest.raises(SchemaMismatchError, match="cannot enter"):
        writer.append([WrittenFile(f"{prefix}/missing.parquet", 1, 1)], run_id="r1")
    mine = write_parquet(lake.objects, rows(("32", 2016, "1")), writer.target("r1"), "p")
    with pytest.raises(InvalidCommitError, match="its task reported 2"):
        writer.append([WrittenFile(mine.path, 2, mine.bytes)], run_id="r1")
    lake.objects.put(lake.objects.key_of(f"{prefix}/text.parquet"), b"not parquet")
    with pytest.raises(SchemaMismatchError, match="cannot enter"):
        writer.append([WrittenFile(f"{prefix}/text.parquet", 1, 11)], run_id="r1")
    assert lake.describe(table).snapshot_id is None


def test_an_empty_result_is_a_commit(lake: Lake, table: str) -> None:
    result = lake.writer(table).append([], run_id="r1", controls={"amount": 0})
    assert (result.rows_added, result.rows_total) == (0, 0)
    assert lake.describe(table).snapshot_id == result.snapshot_id
    assert read(lake, table) == []


def test_overwrite_of_all_rows_is_one_snapshot(lake: Lake, table: str) -> None:
    writer = lake.writer(table)
    first = writer.append(rows(("32", 2016, "1"), ("33", 2016, "2")), run_id="r1")
    second = writer.overwrite(rows(("34", 2017, "3")), run_id="r2")
    assert (second.rows_added, second.rows_total) == (1, 1)
    assert lake.describe(table).snapshot_count == 2
    assert read(lake, table) == [("34", 2017, Decimal(3))]
    assert read(lake, table, snapshot_id=first.snapshot_id) == [
        ("32", 2016, Decimal(1)),
        ("33", 2016, Decimal(2)),
    ]
    assert writer.overwrite([], run_id="r3").rows_total == 0


def test_overwrite_of_some_rows_keeps_the_others(lake: Lake, table: str) -> None:
    writer = lake.writer(table)
    writer.append(rows(("32", 2016, "1"), ("32", 2017, "2")), run_id="r1")
    writer.append(rows(("33", 2016, "3")), run_id="r2")
    writer.append(rows(("34", 2015, "4")), run_id="r3")
    result = writer.overwrite(rows(("99", 2016, "9")), run_id="r4", where=RowFilter.where("year", 2016))
    assert (result.rows_added, result.rows_total) == (1, 3)
    assert lake.describe(table).snapshot_count == 4
    assert read(lake, table) == [("32", 2017, Decimal(2)), ("34", 2015, Decimal(4)), ("99", 2016, Decimal(9))]


def test_overwrite_keeps_rows_whose_value_is_null(lake: Lake, table: str) -> None:
    writer = lake.writer(table)
    writer.append(pl.DataFrame({"province": ["32", None], "year": [2016, None]}), run_id="r1")
    writer.overwrite([], run_id="r2", where=RowFilter.where("year", 2016))
    assert read(lake, table) == [(None, None, None)]


def test_decimals_stay_exact(lake: Lake) -> None:
    lake.create_table("decimals", TableSchema.of([("a", "decimal(38,0)"), ("b", "decimal(20,2)")]))
    values = [
        (Decimal("9" * 38), Decimal("999999999999999999.99")),
        (Decimal("-" + "9" * 38), Decimal("-0.01")),
        (Decimal(0), Decimal("0.10")),
    ]
    frame = pl.DataFrame(values, schema={"a": pl.Decimal(38, 0), "b": pl.Decimal(20, 2)}, orient="row")
    lake.writer("decimals").append(frame, run_id="frame")
    lake.writer("decimals").append(frame.to_arrow(), run_id="arrow")
    assert read(lake, "decimals") == sorted(values * 2)


def test_data_that_does_not_fit(lake: Lake, table: str) -> None:
    with pytest.raises(SchemaMismatchError, match="amount"):
        lake.writer(table).append(pl.DataFrame({"amount": [1.5]}), run_id="r1")
    assert lake.writer(table).find_commit("r1") is None


def test_no_table(lake: Lake) -> None:
    with pytest.raises(TableNotFoundError, match="no_such"):
        lake.writer("no_such")


def test_a_writer_waits_only_so_long(lake_settings: LakeSettings, lake: Lake, table: str) -> None:
    impatient = lake_settings.model_copy(update={"lock_timeout_seconds": 0.3})
    with (
        psycopg.connect(connection_info(lake_settings.postgres)) as connection,
        Lake.open(impatient) as other,
    ):
        lock = f"lake:{lake.describe(table).uid}"
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
        with pytest.raises(CommitConflictError, match=r"more than 0\.3 seconds"):
            other.writer(table).append([], run_id="r1")
        connection.rollback()
        assert other.writer(table).append([], run_id="r1").rows_total == 0


def test_a_large_frame_is_streamed_through_a_file(lake: Lake, table: str, tmp_path: Path) -> None:
    source = tmp_path / "source.parquet"
    pl.DataFrame({"year": range(300_000)}).write_parquet(source)
    lazy = pl.scan_parquet(source).with_columns(province=pl.lit("32"))
    assert lake.writer(table).append(lazy, run_id="r1").rows_added == 300_000
    assert isinstance(lake.objects, ObjectStore)
    decision = system_decision(table, run_id="test")
    assert (
        lake.reader.scan(table, decision).lazyframe.select(pl.col("year").sum()).collect().item()
        == 44999850000
    )


def test_a_writer_whose_lock_was_lost_fails_and_can_try_again(
    lake: Lake, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = LakeCatalog.commit_table
    intruded: list[bool] = []

    def commit_after_an_intruder(self: LakeCatalog, *arguments: Any) -> Any:
        if not intruded:
            intruded.append(True)
            self.load_table(("lake", table)).append(rows(("33", 2016, "3")).to_arrow())
        return real(self, *arguments)

    monkeypatch.setattr(LakeCatalog, "commit_table", commit_after_an_intruder)
    with pytest.raises(CommitConflictError, match="at the same time"):
        lake.writer(table).overwrite(rows(("32", 2016, "1")), run_id="r1")
    assert read(lake, table) == [("33", 2016, Decimal(3))]
    assert not lake.writer(table).overwrite(rows(("32", 2016, "1")), run_id="r1").repeated
    assert read(lake, table) == [("32", 2016, Decimal(1))]


def test_of_two_commits_that_follow_the_same_one_the_second_is_refused(lake: Lake, table: str) -> None:
    writer = lake.writer(table)

    def follow(run_id: str, after: int | None) -> int:
        follows, own = Follows("source", "events", after), {"source": "events"}
        return writer.append(
            rows(("11", 2017, "1")), run_id=run_id, properties=own, follows=follows
        ).snapshot_id

    first = follow("a", None)
    # Somebody else's commit does not count.
    writer.append(rows(("12", 2017, "1")), run_id="other")
    follow("b", first)
    for late, after in (("late", first), ("first", None), ("unknown", 1)):
        with pytest.raises(OvertakenError):
            follow(late, after)
    assert len(read(lake, table)) == 3
    # What was committed is committed, whatever came since.
    assert follow("a", None) == first


def test_a_frozen_writer_loses_its_lock(lake: Lake, lake_settings: LakeSettings, table: str) -> None:
    with Lake.open(lake_settings.model_copy(update={"lock_idle_seconds": 0.3})) as frozen:

        def holds_the_lock() -> None:
            with frozen.exclusively("frozen"):
                time.sleep(2)

        with ThreadPoolExecutor(1) as pool:
            holding = pool.submit(holds_the_lock)
            time.sleep(0.2)
            begun = time.monotonic()
            with lake.exclusively("frozen"):
                assert time.monotonic() - begun < 1.7
            with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
                holding.result()
