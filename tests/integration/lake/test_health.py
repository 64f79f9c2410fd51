"""How tables stand, on a real object store."""

import polars as pl
import pytest

from lake import RowFilter, TableId, TableSchema
from lake.errors import TableNotFoundError
from lake.health import HealthMeter

SCHEMA = TableSchema.of([("code", "text"), ("amount", "int")])
SMALL = 64 * 1024
LARGE_ROWS = 40_000


def rows(count, start=0):
    numbers = [(7919 * n) % 1_000_003 for n in range(start, start + count)]
    return pl.DataFrame({"code": [f"{n:x}" for n in numbers], "amount": numbers})


def test_a_table_before_its_first_commit(lake):
    lake.create_table("unwritten", SCHEMA)
    health = lake.health("unwritten", SMALL)
    assert (health.files, health.small_files, health.bytes, health.rows, health.snapshots) == (0, 0, 0, 0, 0)
    assert health.commit_time is None
    assert health.metadata_bytes > 100


def test_files_rows_and_snapshots_are_counted(lake):
    lake.create_table("counted", SCHEMA)
    writer = lake.writer("counted")
    for number in range(3):
        writer.append(rows(10, number * 10), run_id=f"small-{number}")
    writer.append(rows(LARGE_ROWS), run_id="large")
    health, info = lake.health("counted", SMALL), lake.describe("counted")
    assert (health.files, health.small_files, health.rows, health.snapshots) == (4, 3, LARGE_ROWS + 30, 4)
    assert (health.bytes, health.delete_files) == (info.bytes, 0)
    assert health.commit_time == lake.snapshots("counted")[0].create_time
    location = lake._catalog.load_table(("lake", "counted")).metadata_location
    key = location.split("/", 3)[3]
    assert health.metadata_bytes == lake.objects.stat(key).size


def test_replaced_files_no_longer_count(lake):
    lake.create_table("replaced", SCHEMA)
    writer = lake.writer("replaced")
    for number in range(3):
        writer.append(rows(10, number * 10), run_id=f"r{number}")
    assert lake.health("replaced", SMALL).small_files == 3
    writer.overwrite(rows(LARGE_ROWS), run_id="all", where=None)
    health = lake.health("replaced", SMALL)
    assert (health.files, health.small_files, health.rows, health.snapshots) == (1, 0, LARGE_ROWS, 4)


def test_part_of_a_file_that_stays_counts_once(lake):
    lake.create_table("partly", SCHEMA)
    writer = lake.writer("partly")
    writer.append(rows(10), run_id="first")
    writer.append(rows(10, 10), run_id="second")
    writer.overwrite(rows(1), run_id="third", where=RowFilter.where("amount", 0))
    health = lake.health("partly", SMALL)
    assert (health.files, health.small_files, health.rows) == (3, 3, 20)


def test_another_size_is_counted_anew(lake):
    lake.create_table("sizes", SCHEMA)
    lake.writer("sizes").append(rows(10), run_id="r")
    assert lake.health("sizes", SMALL).small_files == 1
    assert lake.health("sizes", 1).small_files == 0


def test_what_cannot_change_is_read_once(lake, monkeypatch):
    lake.create_table("cheap", SCHEMA)
    writer = lake.writer("cheap")
    for number in range(5):
        writer.append(rows(2, number * 2), run_id=f"r{number}")
    read = []
    original = lake_manifest_reader()
    monkeypatch.setattr(
        "pyiceberg.manifest.ManifestFile.fetch_manifest_entry",
        lambda manifest, io, **words: read.append(manifest.manifest_path) or original(manifest, io, **words),
    )
    meter = HealthMeter(lake._catalog)
    name = TableId.of("cheap")
    assert meter.measure(name, SMALL).small_files == 5
    assert len(read) == 5
    assert meter.measure(name, SMALL).small_files == 5
    assert len(read) == 5
    writer.append(rows(2, 10), run_id="one-more")
    read.clear()
    assert meter.measure(name, SMALL).small_files == 6
    assert len(read) == 1


def lake_manifest_reader():
    from pyiceberg.manifest import ManifestFile

    return ManifestFile.fetch_manifest_entry


def test_a_table_made_again_is_measured_anew(lake):
    lake.create_table("renewed", SCHEMA)
    lake.writer("renewed").append(rows(10), run_id="r")
    assert lake.health("renewed", SMALL).files == 1
    lake.drop_table("renewed")
    with pytest.raises(TableNotFoundError):
        lake.health("renewed", SMALL)
    lake.create_table("renewed", SCHEMA)
    assert lake.health("renewed", SMALL).files == 0
