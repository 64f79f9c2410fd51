"""`kill -9` of ingest while it reads a topic, and replicas that take over: no message lost, none doubled.

A few points by default; `make chaos-ingest` takes each point with ten seeds (LUMBUNG_KILL_SEEDS).
"""

import asyncio
import os
import random
import signal
import time
from contextlib import asynccontextmanager

import grpc
import pytest

from lake import TableId
from lumbung.ingest.v1 import source_service_pb2 as pb

from .conftest import settings_for
from support.ingestprocess import ingest_process, write_settings
from support.sources import Runs
from support.topics import (
    dead,
    event,
    events,
    events_contract,
    hosts,
    newest_run,
    numbers,
    produce,
    topic_source,
    until,
)

SEEDS = int(os.environ.get("LUMBUNG_KILL_SEEDS", "0"))
LOOK_SECONDS = 60
RESUME_SECONDS = 10


class Watch:
    """What can be seen of a run from outside."""

    def __init__(self, process, work, lake, catalog, name):
        self.process, self.work, self.lake, self.catalog, self.name = process, work, lake, catalog, name
        self.buried_before, self.commits_before, self.told_before = self.buried(), self.commits(), self.told()

    def files(self, part, name="*"):
        return sum(1 for _ in self.work.glob(f"submission-{self.process.pid}-*/{part}/{name}"))

    def commits(self):
        return len(self.lake.snapshots(self.name)) if self.lake.table_exists(self.name) else 0

    def buried(self):
        table = TableId.quarantine(self.name)
        return len(self.lake.snapshots(table)) if self.lake.table_exists(table) else 0

    def told(self):
        return sum(name.startswith(f"datasets/{self.name}/") for name in self.catalog.snapshots)


POINTS = {
    "started": lambda _watch: True,
    "waits for messages": lambda watch: watch.files("rows", "") > 0,
    "messages on disk": lambda watch: watch.files("rows", "messages.arrow"),
    "batch on disk": lambda watch: watch.files("rows", "topic.json"),
    "validation begun": lambda watch: watch.files("out", "job.json"),
    "rows checked": lambda watch: watch.files("out", "*.parquet"),
    "report written": lambda watch: watch.files("out", "report.json"),
    "dead letters committed": lambda watch: watch.buried() > watch.buried_before,
    "rows committed": lambda watch: watch.commits() > watch.commits_before,
    "second batch": lambda watch: (
        watch.commits() > watch.commits_before and watch.files("rows", "topic.json")
    ),
    "catalog told": lambda watch: watch.told() > watch.told_before,
    "any moment": lambda _watch: False,
}
FEW = ("report written", "dead letters committed", "rows committed")
CASES = [(point, seed) for point in POINTS for seed in range(SEEDS)] or [(point, 0) for point in FEW]


class Sent:
    """The ledger outside: what was sent, by number."""

    def __init__(self, broker, topic):
        self.broker, self.topic = broker, topic
        self.good, self.bad, self.next = [], 0, 0

    def send(self, dice, count):
        values = []
        for number in range(self.next, self.next + count):
            poison = dice.random() < 0.1
            values.append(b"{poison" if poison else event(number))
            if poison:
                self.bad += 1
            else:
                self.good.append(number)
        self.next += count
        produce(self.broker, self.topic, values)

    def arrived(self, lake, name):
        return len(numbers(lake, name)) >= len(self.good) and len(dead(lake, name)) >= self.bad

    def check(self, lake, name, said):
        assert numbers(lake, name) == self.good, said
        rows = events(lake, name)
        assert rows.select("part", "place").is_unique().all(), said
        places = [(partition, offset) for _rule, partition, offset in dead(lake, name)]
        assert len(places) == len(set(places)) == self.bad, said
        assert not set(places) & set(rows.select("part", "place").rows()), said


def settings_of(stores, signin, catalog, tmp_path, broker):
    return settings_for(stores, signin, catalog, tmp_path, sources=hosts(broker))


@asynccontextmanager
async def serving(settings, settings_file, signin):
    async with (
        ingest_process(settings_file, settings.listen.port) as process,
        grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel,
    ):
        yield process, Runs(channel, signin.token("engineer-pusat", "engineer", office="pusat"))


async def kill_at(watch, point, dice):
    deadline = time.monotonic() + (dice.uniform(0.2, 6) if point == "any moment" else LOOK_SECONDS)
    while not (seen := bool(POINTS[point](watch))) and time.monotonic() < deadline:  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.001)
    await asyncio.sleep(dice.uniform(0, 0.03))
    watch.process.send_signal(signal.SIGKILL)
    await watch.process.wait()
    return seen or point == "any moment"


@pytest.mark.timeout(400 + 120 * len(CASES))
async def test_nothing_is_lost_or_doubled(
    stores, signin, catalog, tmp_path, kafka_broker, lake, record_property
):
    name = "killed_topic"
    settings = settings_of(stores, signin, catalog, tmp_path, kafka_broker)
    settings_file = write_settings(settings, tmp_path / "ingest.yaml")
    catalog.declarations[name] = events_contract(name)
    topic = kafka_broker.create_topic(name, partitions=3)
    sent = Sent(kafka_broker, topic)
    declaration = topic_source(name, kafka_broker, topic, batch_rows=150)
    resumed, missed = [], []
    for point, seed in CASES:
        dice = random.Random(f"{point} {seed}")  # noqa: S311 - a seed, to be repeated
        async with serving(settings, settings_file, signin) as (process, runs):
            await runs.apply(declaration)
            watch = Watch(process, tmp_path / "work", lake, catalog, name)
            await asyncio.to_thread(sent.send, dice, 400)
            missed += [] if await kill_at(watch, point, dice) else [(point, seed)]
        sent.send(dice, 50)
        before = Watch(None, tmp_path / "work", lake, catalog, name).commits()
        async with serving(settings, settings_file, signin) as (_process, runs):
            begun = time.monotonic()
            await until(
                lambda before=before: len(lake.snapshots(name)) > before if lake.table_exists(name) else 0
            )
            resumed.append(time.monotonic() - begun)
            await until(lambda: sent.arrived(lake, name))
            sent.check(lake, name, f"{point}, {seed}")
            assert (await newest_run(runs, name)).state == pb.SourceRun.STATE_RUNNING
    print(  # noqa: T201 - the figure is the point of the run
        f"\n{len(CASES)} kills (topic), not at their point: {missed}; resumed after {max(resumed):.1f} s at most"
    )
    record_property("resumed_seconds", round(max(resumed), 1))
    assert len(missed) <= len(CASES) // 4
    assert max(resumed) < RESUME_SECONDS


@pytest.mark.timeout(400)
async def test_another_replica_takes_over_and_the_first_comes_back(
    stores, signin, catalog, tmp_path, kafka_broker, lake
):
    name = "handed_over"
    dice = random.Random(name)  # noqa: S311 - a seed, to be repeated
    catalog.declarations[name] = events_contract(name)
    topic = kafka_broker.create_topic(name, partitions=2)
    sent = Sent(kafka_broker, topic)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = settings_of(stores, signin, catalog, tmp_path / "a", kafka_broker)
    second = settings_of(stores, signin, catalog, tmp_path / "b", kafka_broker)
    async with serving(first, write_settings(first, tmp_path / "a.yaml"), signin) as (process, runs):
        await runs.apply(topic_source(name, kafka_broker, topic, batch_rows=50))
        sent.send(dice, 500)
        await until(lambda: len(numbers(lake, name)) > 60)
        # Stopped in the middle of its work, taken for dead, and back when another has gone on.
        process.send_signal(signal.SIGSTOP)
        async with serving(second, write_settings(second, tmp_path / "b.yaml"), signin) as (_other, others):
            sent.send(dice, 300)
            await until(lambda: sent.arrived(lake, name))
            sent.check(lake, name, "taken over")
            process.send_signal(signal.SIGCONT)
            sent.send(dice, 300)
            await until(lambda: sent.arrived(lake, name))
            await asyncio.sleep(3)
            sent.check(lake, name, "come back")
            assert (await newest_run(others, name)).state == pb.SourceRun.STATE_RUNNING
