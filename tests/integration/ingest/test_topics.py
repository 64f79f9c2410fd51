"""Topics of a real broker: each message is in the dataset or among the dead letters, once."""

import json
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO

import fastavro
import grpc
import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from ingest_service.app import start
from lumbung.ingest.v1 import source_service_pb2 as pb

from .conftest import settings_for
from support.kafka import run_kafka
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


SCHEMA = {
    "type": "record",
    "name": "payment",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "region", "type": "string"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}},
        {"name": "note", "type": ["null", "string"]},
    ],
}
NESTED = {
    "type": "record",
    "name": "n",
    "fields": [{"name": "id", "type": {"type": "array", "items": "null"}}],
}


class Registry:
    """A schema registry's one call that readers need."""

    def __init__(self):
        self.schemas, self.away, self.asked = {1: SCHEMA, 2: NESTED}, False, []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                number = int(self.path.rpartition("/")[2])
                registry.asked.append(number)
                known = number in registry.schemas
                status = 503 if registry.away else 200 if known else 404
                body = {"schema": json.dumps(registry.schemas[number])} if known else {"error_code": 40403}
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def registry():
    running = Registry()
    yield running
    running.server.shutdown()
    running.server.server_close()


def avro(number, schema=1, **changes):
    stream = BytesIO()
    record = {
        "id": number,
        "region": "1101",
        "amount": Decimal("12345678901234567.89"),
        "note": None,
    } | changes
    fastavro.schemaless_writer(stream, SCHEMA, record)
    return b"\0" + schema.to_bytes(4, "big") + stream.getvalue()


@pytest.fixture
async def runs(stores, signin, catalog, tmp_path, kafka_broker, registry):
    settings = settings_for(stores, signin, catalog, tmp_path, sources=hosts(kafka_broker, registry.port))
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


async def test_avro_with_the_schemas_of_a_registry(runs, catalog, kafka_broker, lake, registry):
    place = {"host": "127.0.0.1", "port": registry.port, "tls": "off"}
    topic = await begin(runs, catalog, kafka_broker, "avro_events", format="avro", registry=place)
    values = [
        avro(1),
        avro(2, schema=9),
        avro(3, schema=2),
        avro(4)[:-3],
        avro(5) + b"x",
        b"{}",
        None,
        avro(8),
    ]
    produce(kafka_broker, topic, values, partition=0)
    await until(lambda: numbers(lake, "avro_events") == [1, 8])
    assert set(events(lake, "avro_events")["amount"]) == {Decimal("12345678901234567.89")}
    assert dead(lake, "avro_events") == sorted(
        [("schema", 0, 1), ("schema", 0, 2), *(("message", 0, n) for n in (3, 4, 5)), ("tombstone", 0, 6)]
    )
    # A registry that is away is waited for: nothing becomes a dead letter for it.
    registry.away, registry.schemas[3] = True, SCHEMA
    asked = len(registry.asked)
    produce(kafka_broker, topic, [avro(9, schema=3)], partition=0)
    await until(lambda: len(registry.asked) > asked)
    registry.away = False
    await until(lambda: numbers(lake, "avro_events") == [1, 8, 9])
    assert len(dead(lake, "avro_events")) == 6


async def test_a_partition_that_is_added_is_read_from_its_beginning(runs, catalog, kafka_broker, lake):
    topic = await begin(runs, catalog, kafka_broker, "widened", start="latest")
    await until(lambda: lake.table_exists("widened"))
    produce(kafka_broker, topic, [event(1)], partition=0)
    admin = AdminClient(kafka_broker.client)
    admin.create_partitions([NewPartitions(topic, 2)])[topic].result(30)
    produce(kafka_broker, topic, [event(2), event(3)], partition=1)
    await until(lambda: numbers(lake, "widened") == [1, 2, 3])


async def test_a_broker_that_restarts_costs_nothing(stores, signin, catalog, tmp_path, lake):
    with run_kafka() as broker:
        settings = settings_for(stores, signin, catalog, tmp_path, sources=hosts(broker))
        stoppers = await start(settings)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel:
            runs = Runs(channel, signin.token("engineer-pusat", "engineer", office="pusat"))
            topic = await begin(runs, catalog, broker, "restarted")
            produce(broker, topic, [event(number) for number in range(100)])
            await until(lambda: numbers(lake, "restarted") == list(range(100)))
            broker.kill()
            broker.start()
            produce(broker, topic, [event(number) for number in range(100, 200)])
            await until(lambda: numbers(lake, "restarted") == list(range(200)), 90)
            assert (await newest_run(runs, "restarted")).state == pb.SourceRun.STATE_RUNNING
        for stop in stoppers:
            await stop()


async def test_a_broker_that_is_not_listed_is_not_spoken_to(runs, catalog, kafka_broker):
    catalog.declarations["elsewhere"] = events_contract("elsewhere")
    place = {"host": "127.0.0.1", "port": 9}
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await runs.apply(topic_source("elsewhere", kafka_broker, "t", bootstrap=place))
    assert "not among the allowed hosts" in refused.value.details()
