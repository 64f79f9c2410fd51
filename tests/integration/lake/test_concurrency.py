import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import polars as pl
import pytest

from lake import Lake, LakeSettings, TableSchema

from support.lake_workers import (
    append_many,
    append_the_same,
    die_before_the_record,
    overwrite_again_and_again,
    total,
)

SCHEMA = TableSchema.of([("worker", "int"), ("number", "int")])
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def table(lake: Lake, request: pytest.FixtureRequest) -> str:
    name = request.node.name.removeprefix("test_")[:60]
    lake.create_table(name, SCHEMA)
    return str(name)


def test_eight_threads_lose_nothing(lake: Lake, table: str) -> None:
    def append(worker: int) -> set[int]:
        frame = pl.DataFrame({"worker": [worker], "number": [1]})
        return {lake.writer(table).append(frame, run_id=f"t{worker}-{n}").snapshot_id for n in range(4)}

    with ThreadPoolExecutor(8) as pool:
        made = set().union(*pool.map(append, range(8)))
    assert len(made) == 32
    assert total(lake, table) == (32, 32)
    assert [item.rows_total for item in lake.snapshots(table)] == list(range(32, 0, -1))


def test_four_processes_lose_nothing(lake: Lake, lake_settings: LakeSettings, table: str) -> None:
    with ProcessPoolExecutor(4, mp_context=SPAWN) as pool:
        made = list(pool.map(partial(append_many, lake_settings, table, commits=5), range(4)))
    assert len({snapshot for snapshots in made for snapshot in snapshots}) == 20
    assert total(lake, table) == (20, 4 * (0 + 1 + 2 + 3 + 4))


def test_the_same_run_in_four_processes_is_one_snapshot(
    lake: Lake, lake_settings: LakeSettings, table: str
) -> None:
    with ProcessPoolExecutor(4, mp_context=SPAWN) as pool:
        made = set(pool.map(partial(append_the_same, lake_settings, table), range(4)))
    assert made == {lake.describe(table).snapshot_id}
    assert total(lake, table)[0] == 1


def test_crash_between_commit_and_record(lake: Lake, lake_settings: LakeSettings, table: str) -> None:
    process = SPAWN.Process(target=die_before_the_record, args=(lake_settings, table))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    snapshot = lake.describe(table).snapshot_id
    assert snapshot is not None

    again = lake.writer(table).append(pl.DataFrame({"worker": [1], "number": [1]}), run_id="crash")

    assert (again.snapshot_id, again.repeated, again.rows_added) == (snapshot, True, 1)
    assert total(lake, table)[0] == 1


def test_readers_see_an_overwrite_whole(lake: Lake, lake_settings: LakeSettings, table: str) -> None:
    lake.writer(table).append(pl.DataFrame({"worker": [0] * 10, "number": list(range(10))}), run_id="first")
    process = SPAWN.Process(target=overwrite_again_and_again, args=(lake_settings, table, 10))
    process.start()
    seen = set()
    while process.is_alive():
        seen.add(total(lake, table))
    process.join(60)
    assert process.exitcode == 0
    assert seen == {(10, 45)}
    assert lake.describe(table).snapshot_count == 11
