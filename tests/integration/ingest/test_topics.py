"""Topics of a real broker: each message is in the dataset or among the dead letters, once."""

import grpc
import pytest

from ingest_service.app import start
from lumbung.ingest.v1 import source_service_pb2 as pb

from .conftest import settings_for
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

# The first use on a machine fetches the broker's jars.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
async def runs(stores, signin, catalog, tmp_path, kafka_broker):
    settings = settings_for(stores, signin, catalog, tmp_path, sources=hosts(kafka_broker))
    stoppers = await start(settings)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel:
        yield Runs(channel, signin.token("engineer-pusat", "engineer", office="pusat"))
    for stop in stoppers:
        await stop()


async def begin(runs, catalog, broker, name, *, partitions=1, **changes):
    """Applies a source of a fresh topic; the topic."""
    topic = broker.create_topic(name, partitions=partitions)
    catalog.declarations[name] = events_contract(name)
    await runs.apply(topic_source(name, broker, topic, **changes))
    return topic


async def test_messages_become_rows_and_the_position_stands_in_their_commit(
    runs, catalog, kafka_broker, lake
):
    topic = await begin(runs, catalog, kafka_broker, "simple", partitions=3)
    produce(kafka_broker, topic, [event(number) for number in range(1000)])
    await until(lambda: len(numbers(lake, "simple")) == 1000)
    assert numbers(lake, "simple") == list(range(1000))
    rows = events(lake, "simple")
    assert rows.select("part", "place").is_unique().all()
    assert set(rows["part"]) == {0, 1, 2}
    assert rows["sent"].is_not_null().all()
    run = await newest_run(runs, "simple")
    assert run.state == pb.SourceRun.STATE_RUNNING
    summary = lake.snapshots("simple")[0].summary
    assert summary["lumbung.property.topic"] == topic
    offsets = dict(part.split(":") for part in summary["lumbung.property.offsets.0"].split(","))
    assert sum(map(int, offsets.values())) == 1000
    # More comes, and the run goes on.
    produce(kafka_broker, topic, [event(number) for number in range(1000, 1010)])
    await until(lambda: numbers(lake, "simple") == list(range(1010)))
    await runs.cancel(run.name)
    ended = await runs.wait(run.name)
    assert (ended.state, ended.rows_good) == (pb.SourceRun.STATE_CANCELLED, 1010)
    assert ended.snapshot in catalog.snapshots
    assert ("sources/simple", "datasets/simple", run.name, "Test topic") in catalog.edges
    # It stays ended however often it is applied, and goes on where it was once somebody asks.
    await runs.apply(topic_source("simple", kafka_broker, topic))
    assert (await newest_run(runs, "simple")).name == run.name
    produce(kafka_broker, topic, [event(number) for number in range(1010, 1020)])
    again = await runs.begin("simple")
    await until(lambda: numbers(lake, "simple") == list(range(1020)))
    assert (await runs.begin("simple")).name == again.name
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await runs.begin("simple", full=True)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_poison_is_a_dead_letter_with_its_place_and_reason(runs, catalog, kafka_broker, lake):
    topic = await begin(runs, catalog, kafka_broker, "poison", message_bytes=500)
    values = [
        event(1),
        b'{"id": 2, "region": "1101"',
        b"\xff\xfe not text",
        None,
        event(5, note="x" * 600),
        event(6, region="0001"),
        b'{"id": 7, "region": "1101", "amount": 10671826520445.189}',
        b'{"id": 8, "region": "1101", "amount": 12345678901234567.89}',
        b'{"id": 9, "region": "1101", "amount": {"rupiah": 1}}',
        b'{"id": 10, "region": "1101", "amount": 1, "amount": 2}',
        b"[1]",
        b'{"id": 12, "region": "1101", "amount": NaN}',
        b'{"region": "1101", "amount": 1}',
        event(14),
    ]
    produce(kafka_broker, topic, values, partition=0)
    await until(lambda: numbers(lake, "poison")[-1:] == [14])
    assert dead(lake, "poison") == sorted(
        [
            ("message", 0, 1),
            ("message", 0, 2),
            ("tombstone", 0, 3),
            ("message_bytes", 0, 4),
            ("pattern", 0, 5),
            ("precision", 0, 6),
            ("message", 0, 8),
            ("message", 0, 9),
            ("message", 0, 10),
            ("message", 0, 11),
            ("required", 0, 12),
        ]
    )
    rows = events(lake, "poison")
    # As it was sent, to the last digit.
    assert {str(value) for value in rows["amount"]} == {"1.25", "12345678901234567.89", "14.25"}


async def test_a_topic_of_nothing_but_poison_goes_on(runs, catalog, kafka_broker, lake):
    topic = await begin(runs, catalog, kafka_broker, "rotten")
    produce(kafka_broker, topic, [b"?"] * 50)
    await until(lambda: len(dead(lake, "rotten")) == 50)
    produce(kafka_broker, topic, [event(1)])
    await until(lambda: numbers(lake, "rotten") == [1])
    assert len(dead(lake, "rotten")) == 50
