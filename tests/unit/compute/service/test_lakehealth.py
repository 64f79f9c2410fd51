from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

from compute_service.ports.lakehealth import LakeHealth
from compute_service.service.lakehealth import LakeHealthView
from lake import TableHealth, TableId

MOMENT = datetime(2026, 11, 24, 5, tzinfo=UTC)


class _Lake(LakeHealth):
    """Tables by name, each with its number of files, or what measuring it raises."""

    def __init__(self, **found):
        self.found = found

    async def tables(self):
        return [TableId.of(name.replace("__", ".")) for name in self.found]

    async def health(self, table):
        answer = self.found[str(table).replace(".", "__")]
        if isinstance(answer, Exception):
            raise answer
        return TableHealth(table, answer, answer - 1, 1000, 70, 0, 3, 4000, MOMENT if answer else None)


def told(name, dataset, zone="lake"):
    return REGISTRY.get_sample_value(f"lumbung_lake_table_{name}", {"zone": zone, "dataset": dataset})


def outcomes():
    return [
        REGISTRY.get_sample_value("lumbung_lake_tables", {"outcome": outcome})
        for outcome in ("measured", "failed", "left_out")
    ]


async def test_every_table_is_shown():
    view = LakeHealthView(_Lake(shown=5, quarantine__shown=2, empty=0), {}, 10)
    assert await view.measure() == 0
    assert [told(name, "shown") for name in ("files", "small_files", "bytes", "rows")] == [5, 4, 1000, 70]
    assert [told(name, "shown") for name in ("delete_files", "snapshots", "metadata_bytes")] == [0, 3, 4000]
    assert told("commit_timestamp_seconds", "shown") == MOMENT.timestamp()
    assert told("files", "shown", "quarantine") == 2
    assert outcomes() == [3, 0, 0]


async def test_before_its_first_commit_a_table_has_no_age():
    await LakeHealthView(_Lake(fresh=0), {}, 10).measure()
    assert told("files", "fresh") == 0
    assert told("commit_timestamp_seconds", "fresh") is None


async def test_a_broken_table_keeps_its_numbers_and_hides_no_other():
    lake = _Lake(broken=5, behind=1)
    view = LakeHealthView(lake, {}, 10)
    await view.measure()
    lake.found |= {"broken": FileNotFoundError("metadata is gone"), "behind": 8}
    assert await view.measure() == 1
    assert (told("files", "broken"), told("files", "behind")) == (5, 8)
    assert outcomes() == [1, 1, 0]


async def test_a_lake_that_hangs_ends_the_round():
    lake = _Lake(hanging=TimeoutError("an earlier look has not ended"), later=4)
    with pytest.raises(TimeoutError):
        await LakeHealthView(lake, {}, 10).measure()
    assert told("files", "later") is None


async def test_a_table_that_is_gone_loses_its_numbers():
    lake = _Lake(dropped=5, without=0, stays=1)
    view = LakeHealthView(lake, {}, 10)
    await view.measure()
    del lake.found["dropped"], lake.found["without"]
    assert await view.measure() == 0
    assert [told(name, "dropped") for name in ("files", "rows", "commit_timestamp_seconds")] == [None] * 3
    assert told("files", "without") is None
    assert told("files", "stays") == 1


async def test_no_more_tables_than_told_are_shown_and_the_rest_is_no_whole_measurement():
    view = LakeHealthView(_Lake(first=1, second=1, third=1), {}, 2)
    assert await view.measure() == 1
    assert [told("files", name) for name in ("first", "second", "third")] == [1, 1, None]
    assert outcomes() == [2, 0, 1]


async def test_an_expected_dataset_without_a_table_is_told():
    view = LakeHealthView(_Lake(known=1, quarantine__rejected=1), {"known": 24, "rejected": 1}, 10)
    assert await view.measure() == 1
    assert told("expected_seconds", "known") == 86400
