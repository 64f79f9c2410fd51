"""`kill -9` of ingest while it reads a topic, and replicas that take over: no message lost, none doubled."""

import asyncio
import random
import signal
import time

import pytest

from lumbung.ingest.v1 import source_service_pb2 as pb

from .conftest import settings_for
from support.killing import Kills, Watch, dice_of, serving
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
    # A process that is stopped may hold a table's lock.
    lake = stores["lake"] | {"lock_idle_seconds": 5}
    return settings_for(stores, signin, catalog, tmp_path, sources=hosts(broker), lake=lake)


@pytest.mark.timeout(30_000)
async def test_nothing_is_lost_or_doubled(
    stores, signin, catalog, tmp_path, kafka_broker, lake, record_property
):
    name = "killed_topic"
    kills = Kills(POINTS, FEW)
    settings = settings_of(stores, signin, catalog, tmp_path, kafka_broker)
    token = signin.token("engineer-pusat", "engineer", office="pusat")
    catalog.declarations[name] = events_contract(name)
    topic = kafka_broker.create_topic(name, partitions=3)
    sent = Sent(kafka_broker, topic)
    declaration = topic_source(name, kafka_broker, topic, batch_rows=150)
    for case in kills.cases:
        dice = dice_of(case)
        async with serving(settings, tmp_path) as (process, channel):
            await Runs(channel, token).apply(declaration)
            watch = Watch(process, tmp_path / "work", lake, catalog, name)
            await asyncio.to_thread(sent.send, dice, 400)
            await kills.kill(watch, case, dice)
        sent.send(dice, 50)
        before = watch.commits()
        async with serving(settings, tmp_path) as (_process, channel):
            begun = time.monotonic()
            await until(lambda watch=watch, before=before: watch.commits() > before)
            kills.resumed.append(time.monotonic() - begun)
            await until(lambda: sent.arrived(lake, name))
            sent.check(lake, name, f"{case}")
            assert (await newest_run(Runs(channel, token), name)).state == pb.SourceRun.STATE_RUNNING
    kills.close("topic", record_property)


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
    token = signin.token("engineer-pusat", "engineer", office="pusat")
    async with serving(first, tmp_path / "a") as (process, channel):
        await Runs(channel, token).apply(topic_source(name, kafka_broker, topic, batch_rows=50))
        sent.send(dice, 500)
        await until(lambda: len(numbers(lake, name)) > 60)
        # Stopped in the middle of its work, taken for dead, and back when another has gone on.
        process.send_signal(signal.SIGSTOP)
        async with serving(second, tmp_path / "b") as (_other, others):
            sent.send(dice, 300)
            await until(lambda: sent.arrived(lake, name))
            sent.check(lake, name, "taken over")
            process.send_signal(signal.SIGCONT)
            sent.send(dice, 300)
            await until(lambda: sent.arrived(lake, name))
            await asyncio.sleep(3)
            sent.check(lake, name, "come back")
            assert (await newest_run(Runs(others, token), name)).state == pb.SourceRun.STATE_RUNNING
