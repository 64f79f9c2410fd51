"""`kill -9` of ingest in the middle of a source's run, while others write to the source: no row lost, none doubled."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import psutil
import pytest

from lumbung.ingest.v1 import source_service_pb2 as pb

from .conftest import settings_for
from support.killing import Kills, Watch, dice_of, serving
from support.sources import NOW, Runs, contract, held, host_settings, source

ROWS, CHUNK = 400, 130


class Reading(Watch):
    """Sees also the process that reads the source."""

    def reads(self):
        children = psutil.Process(self.process.pid).children(recursive=True)
        return any("ingest_service.extract" in _command(child) for child in children)


def _command(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


POINTS = {
    "asked": lambda _watch: True,
    "reading process": lambda watch: watch.reads(),
    "rows on disk": lambda watch: watch.files("rows"),
    "rows checked": lambda watch: watch.files("out"),
    "first commit": lambda watch: watch.commits() > watch.commits_before,
    "catalog told": lambda watch: watch.told() > watch.told_before,
    "second chunk on disk": lambda watch: watch.commits() > watch.commits_before and watch.files("rows"),
    "second chunk checked": lambda watch: watch.commits() > watch.commits_before and watch.files("out"),
    "third commit": lambda watch: watch.commits() > watch.commits_before + 2,
    "keys on disk": lambda watch: watch.files("keys"),
    "keys checked": lambda watch: watch.files("keys-out"),
    "any moment": lambda _watch: False,
}
FEW = ("rows checked", "first commit", "second chunk on disk")


def write_more(ledger, dice):
    """Others go on writing: rows change, come and go."""
    now = datetime.now(UTC)
    for number in dice.sample(sorted(ledger.rows), 20):
        ledger.put(number, dice.randrange(10**9), now)
    for number in dice.sample(sorted(ledger.rows), 3):
        ledger.remove(number)
    start = max(ledger.rows) + 1
    for number in range(start, start + 5):
        ledger.put(number, dice.randrange(10**9), now - timedelta(minutes=dice.randrange(50)))


@pytest.mark.timeout(30_000)
async def test_nothing_is_lost_or_doubled(stores, signin, catalog, tmp_path, ledger, lake, record_property):
    name = f"killed_{ledger.driver}"
    kills = Kills(POINTS, FEW)
    settings = settings_for(stores, signin, catalog, tmp_path, sources=host_settings(ledger.database))
    token = signin.token("engineer-pusat", "engineer", office="pusat")
    catalog.declarations[name] = contract(name)
    ledger.fill(ROWS, NOW - timedelta(hours=3))
    declaration = source(
        name,
        ledger.database,
        driver=ledger.driver,
        chunk_rows=CHUNK,
        deletes={"by": "key", "max_share": 0.5},
        partitions={"column": "id", "count": 2},
    )
    for case in kills.cases:
        dice = dice_of(case)
        # All rows have changed, so that each run has as many chunks.
        ledger.touch(datetime.now(UTC))
        async with serving(settings, tmp_path) as (process, channel):
            runs = Runs(channel, token)
            await runs.apply(declaration)
            watch = Reading(process, tmp_path / "work", lake, catalog, name)
            run = await runs.begin(name)
            await kills.kill(watch, case, dice, over=partial(_succeeded, runs, run))
        write_more(ledger, dice)
        # No half of a chunk can be seen: every key once, and amounts that the source has had.
        if lake.table_exists(name):
            held(lake, name)
        async with serving(settings, tmp_path) as (_process, channel):
            runs = Runs(channel, token)
            begun = time.monotonic()
            await _moves(runs, run)
            kills.resumed.append(time.monotonic() - begun)
            done = await runs.wait(run.name, 120)
            assert done.state == pb.SourceRun.STATE_SUCCEEDED, f"{case}: {done.message}"
            # What was written meanwhile comes with this run or with the next.
            after = await runs.run(name)
            assert after.state == pb.SourceRun.STATE_SUCCEEDED, f"{case}: {after.message}"
            wanted = {key: Decimal(str(value)) for key, value in ledger.rows.items()}
            assert held(lake, name) == wanted, f"{case}"
            ids = [info.run_id for info in lake.snapshots(name)]
            assert len(ids) == len(set(ids)), f"{case}: a chunk was committed twice"
    assert not list((tmp_path / "work").iterdir())
    kills.close(ledger.driver, record_property)


async def _succeeded(runs, run):
    return (await runs.get(run.name)).state == pb.SourceRun.STATE_SUCCEEDED


async def _moves(runs, run):
    """Until the run has gone on: another commit, or its end."""
    first = await runs.get(run.name)
    while True:
        now = await runs.get(run.name)
        if now.state == pb.SourceRun.STATE_SUCCEEDED or now.commits > first.commits:
            return
        await asyncio.sleep(0.05)
