"""`kill -9` of ingest in the middle of a source's run, while others write to the source: no row lost, none doubled.

A few points by default; `make chaos-ingest` takes each point with ten seeds (LUMBUNG_KILL_SEEDS).
"""

import asyncio
import os
import random
import signal
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import grpc
import psutil
import pytest

from lumbung.ingest.v1 import source_service_pb2 as pb

from .conftest import settings_for
from support.ingestprocess import ingest_process, write_settings
from support.sources import NOW, Runs, contract, held, host_settings, source

SEEDS = int(os.environ.get("LUMBUNG_KILL_SEEDS", "0"))
ROWS, CHUNK = 400, 130
LOOK_SECONDS = 60
RESUME_SECONDS = 10


class Watch:
    """What can be seen of a run from outside."""

    def __init__(self, process, work, lake, catalog, name):
        self.process, self.work, self.lake, self.catalog, self.name = process, work, lake, catalog, name

    def reads(self):
        children = psutil.Process(self.process.pid).children(recursive=True)
        return any("ingest_service.extract" in _command(child) for child in children)

    def files(self, part):
        return sum(1 for _ in self.work.glob(f"submission-{self.process.pid}-*/{part}/*"))

    def commits(self):
        return len(self.lake.snapshots(self.name)) if self.lake.table_exists(self.name) else 0

    def told(self):
        return sum(name.startswith(f"datasets/{self.name}/") for name in self.catalog.snapshots)


def _command(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


# What has to be seen for the kill: of the watch, and of what it saw when the run was begun.
POINTS = {
    "asked": lambda _watch, _before: True,
    "reading process": lambda watch, _before: watch.reads(),
    "rows on disk": lambda watch, _before: watch.files("rows"),
    "rows checked": lambda watch, _before: watch.files("out"),
    "first commit": lambda watch, before: watch.commits() > before[0],
    "catalog told": lambda watch, before: watch.told() > before[1],
    "second chunk on disk": lambda watch, before: watch.commits() > before[0] and watch.files("rows"),
    "second chunk checked": lambda watch, before: watch.commits() > before[0] and watch.files("out"),
    "third commit": lambda watch, before: watch.commits() > before[0] + 2,
    "keys on disk": lambda watch, _before: watch.files("keys"),
    "keys checked": lambda watch, _before: watch.files("keys-out"),
    "any moment": lambda _watch, _before: False,
}
FEW = ("rows checked", "first commit", "second chunk on disk")
CASES = [(point, seed) for point in POINTS for seed in range(SEEDS)] or [(point, 0) for point in FEW]


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


@pytest.mark.timeout(240 * len(CASES))
async def test_nothing_is_lost_or_doubled(stores, signin, catalog, tmp_path, ledger, lake, record_property):
    name = f"killed_{ledger.driver}"
    settings = settings_for(stores, signin, catalog, tmp_path, sources=host_settings(ledger.database))
    settings_file = write_settings(settings, tmp_path / "ingest.yaml")
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
    resumed, missed = [], []
    for point, seed in CASES:
        dice = random.Random(f"{point} {seed}")  # noqa: S311 - a seed, to be repeated
        # All rows have changed, so that each run has as many chunks.
        ledger.touch(datetime.now(UTC))
        async with _serving(settings, settings_file, signin) as (process, runs):
            await runs.apply(declaration)
            watch = Watch(process, tmp_path / "work", lake, catalog, name)
            run, seen = await _begin_and_kill(runs, watch, point, dice)
            missed += [] if seen else [(point, seed)]
        write_more(ledger, dice)
        # No half of a chunk can be seen: every key once, and amounts that the source has had.
        if lake.table_exists(name):
            held(lake, name)
        async with _serving(settings, settings_file, signin) as (_process, runs):
            begun = time.monotonic()
            await _moves(runs, run)
            resumed.append(time.monotonic() - begun)
            done = await runs.wait(run.name, 120)
            assert done.state == pb.SourceRun.STATE_SUCCEEDED, f"{point}, {seed}: {done.message}"
            # What was written meanwhile comes with this run or with the next.
            after = await runs.run(name)
            assert after.state == pb.SourceRun.STATE_SUCCEEDED, f"{point}, {seed}: {after.message}"
            wanted = {key: Decimal(str(value)) for key, value in ledger.rows.items()}
            assert held(lake, name) == wanted, f"{point}, {seed}"
            ids = [info.run_id for info in lake.snapshots(name)]
            assert len(ids) == len(set(ids)), f"{point}, {seed}: a chunk was committed twice"
    assert not list((tmp_path / "work").iterdir())
    print(  # noqa: T201 - the figure is the point of the run
        f"\n{len(CASES)} kills ({ledger.driver}), not at their point: {missed}; resumed after {max(resumed):.1f} s at most"
    )
    record_property("resumed_seconds", round(max(resumed), 1))
    assert len(missed) <= len(CASES) // 4
    assert max(resumed) < RESUME_SECONDS


async def _begin_and_kill(runs, watch, point, dice):
    before = watch.commits(), watch.told()
    run = await runs.begin(watch.name)
    deadline = time.monotonic() + (dice.uniform(0.2, 6) if point == "any moment" else LOOK_SECONDS)
    seen = False
    while not (seen := bool(POINTS[point](watch, before))) and time.monotonic() < deadline:
        if (await runs.get(run.name)).state == pb.SourceRun.STATE_SUCCEEDED:
            break
        await asyncio.sleep(0.002)
    await asyncio.sleep(dice.uniform(0, 0.05))
    watch.process.send_signal(signal.SIGKILL)
    await watch.process.wait()
    return run, seen or point == "any moment"


@asynccontextmanager
async def _serving(settings, settings_file, signin):
    async with (
        ingest_process(settings_file, settings.listen.port) as process,
        grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel,
    ):
        yield process, Runs(channel, signin.token("engineer-pusat", "engineer", office="pusat"))


async def _moves(runs, run):
    """Until the run has gone on: another commit, or its end."""
    first = await runs.get(run.name)
    while True:
        now = await runs.get(run.name)
        if now.state == pb.SourceRun.STATE_SUCCEEDED or now.commits > first.commits:
            return
        await asyncio.sleep(0.05)
