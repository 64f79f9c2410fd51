"""Writes to a release's Kafka, or reads from it, as ingest; run in the node's network by tests/cluster.

    python -m support.kafkacaller HOST ADDRESS PASSWORD_FILE write|read TOPIC

HOST is the name that the broker gives to clients. In a mount namespace of its own, where the name leads to ADDRESS.
`read` prints what is committed, one value a line.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from platformsetup.kafkaserver import ACCOUNT

COMMITTED = [f"kept-{number}" for number in range(1000)]
_HOSTS = Path("/etc/hosts")


def main(host: str, address: str, password_file: str, task: str, topic: str) -> None:
    """Does one task; raises what the client raises."""
    _name(host, address)
    client = {
        "bootstrap.servers": f"{host}:9092",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": ACCOUNT,
        "sasl.password": Path(password_file).read_text(),
    }
    {"write": _write, "read": _read}[task](client, topic)


def _name(host: str, address: str) -> None:
    with tempfile.NamedTemporaryFile("w", delete=False) as hosts:
        hosts.write(f"127.0.0.1 localhost\n{address} {host}\n")
    subprocess.run(["mount", "--bind", hosts.name, str(_HOSTS)], check=True)
    Path(hosts.name).unlink()


def _write(client: dict[str, str], topic: str) -> None:
    admin = AdminClient(client)
    (made,) = admin.create_topics([NewTopic(topic, 1, 1)]).values()
    made.result(30)
    producer = Producer(client | {"transactional.id": topic})
    producer.init_transactions(60)
    for values, end in (
        (["never"] * 10, producer.abort_transaction),
        (COMMITTED, producer.commit_transaction),
    ):
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value)
        producer.flush(60)
        end(60)


def _read(client: dict[str, str], topic: str) -> None:
    consumer = Consumer(
        client | {"group.id": topic, "isolation.level": "read_committed", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    seen = 0
    while (message := consumer.poll(60 if seen == 0 else 5)) is not None:
        if message.error() is None:
            seen += 1
            sys.stdout.write(f"{message.value().decode()}\n")
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
