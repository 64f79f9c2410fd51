"""Topics for tests: a dataset of events, the declaration of a source that reads them, and what the dataset holds."""

import asyncio
import json

from confluent_kafka import Producer

from lake import TableId
from platformsetup.kafkaserver import ACCOUNT

from support.lakes import all_rows
from support.sources import Runs

__all__ = ["dead", "events", "events_contract", "hosts", "numbers", "produce", "topic_source", "until"]

SECRET = "events-reader"


def events_contract(name):
    """Payments as events: a number each, and where the event stood."""
    words = {"id": "Peristiwa uji", "en": "Test events"}
    columns = [
        {"name": "id", "type": "integer", "required": True},
        {
            "name": "region_code",
            "source": "region",
            "type": "code",
            "pattern": "[1-9][0-9]{3}",
            "required": True,
        },
        {
            "name": "amount",
            "type": "decimal(20,2)",
            "required": True,
            "style": {"decimal": ",", "group": "."},
        },
        {"name": "note", "type": "text"},
        {"name": "part", "source": "@partition", "type": "integer", "required": True},
        {"name": "place", "source": "@offset", "type": "integer", "required": True},
        {"name": "sent", "source": "@timestamp", "type": "timestamp"},
    ]
    return json.dumps(
        {
            "kind": "Dataset",
            "name": name,
            "display_name": words,
            "description": words,
            "owner": "steward-pusat",
            "tags": [],
            "contract": {"version": 1, "columns": columns},
        }
    )


def topic_source(name, broker, topic, **changes):
    """A declaration; `changes` go into its section."""
    words = {"id": "Topik uji", "en": "Test topic"}
    section = {
        "bootstrap": {"host": "127.0.0.1", "port": broker.port},
        "topic": topic,
        "format": "json",
        "tls": "off",
        "account": {"mechanism": "PLAIN", "user": ACCOUNT, "password": SECRET},
        "commit_seconds": 1,
    } | changes
    return json.dumps(
        {
            "kind": "Source",
            "name": name,
            "display_name": words,
            "description": words,
            "owner": "engineer-pusat",
            "dataset": name,
            "type": "kafka",
            "kafka": section,
        }
    )


def hosts(broker, *more):
    """Settings that let a service read topics of a broker; `more` are ports of registries on this machine."""
    places = [{"host": "127.0.0.1", "port": broker.port, "secrets": [SECRET]}]
    places += [{"host": "127.0.0.1", "port": port, "secrets": ["registry-reader"]} for port in more]
    return {
        "hosts": places,
        "secrets": {SECRET: broker.password, "registry-reader": "kunci-registry"},
        "topics": {"catalog_seconds": 1},
    }


def event(number, **changes):
    """One event as JSON; amounts keep the digits that they are given."""
    record = {"id": number, "region": "1101", "amount": number + 0.25} | changes
    return json.dumps(record).encode()


def produce(broker, topic, values, partition=None, **settings):
    """Writes values (bytes, or None for a tombstone) and waits until the broker has them."""
    producer = Producer(broker.client | {"enable.idempotence": True} | settings)
    for number, value in enumerate(values):
        options = {} if partition is None else {"partition": partition}
        producer.produce(topic, value, key=str(number), **options)
        producer.poll(0)
    assert producer.flush(60) == 0


def events(lake, dataset):
    """All rows of the dataset."""
    return all_rows(lake, dataset)


def numbers(lake, dataset):
    """The events' numbers in order, as often as they are there."""
    return sorted(events(lake, dataset)["id"]) if lake.table_exists(dataset) else []


def dead(lake, dataset):
    """Dead letters: rule and place (partition, offset) of each."""
    table = TableId.quarantine(dataset)
    if not lake.table_exists(table):
        return []
    frame = all_rows(lake, table)
    found = []
    for row in frame.iter_rows(named=True):
        record = json.loads(row["record"])
        found.append((row["rule"], int(record["@partition"]), int(record["@offset"])))
    return sorted(found)


async def until(condition, seconds=60):
    """Waits until a condition holds; what it gave."""
    async with asyncio.timeout(seconds):
        while not (found := await asyncio.to_thread(condition)):  # noqa: ASYNC110 - over the network
            await asyncio.sleep(0.1)
    return found


async def newest_run(runs: Runs, name):
    """The newest run of a source."""
    return (await runs.list_runs(f"sources/{name}", 1)).source_runs[0]
