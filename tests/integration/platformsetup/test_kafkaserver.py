"""The broker as the local stack and the image run it, with the client that services use."""

import psutil
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from platformsetup.errors import NotReadyError
from platformsetup.kafkaserver import expect_broker

from support.kafka import run_kafka
from support.ports import free_port

# The first use on a machine fetches the jars.
pytestmark = pytest.mark.timeout(400)


def transactional(broker, name):
    producer = Producer(broker.client | {"transactional.id": name, "enable.idempotence": True})
    producer.init_transactions(30)
    return producer


def write(producer, topic, values):
    for value in values:
        producer.produce(topic, value)


def committed(broker, topic, count, group="reader"):
    """The first `count` values that a reader of committed records sees, or fewer after 20 s without one."""
    consumer = Consumer(
        broker.client
        | {
            "group.id": group,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    found = []
    try:
        while len(found) < count:
            message = consumer.poll(20)
            if message is None:
                break
            assert message.error() is None, message.error()
            found.append(message.value())
    finally:
        consumer.close()
    return found


def test_a_transaction_is_seen_whole_and_an_aborted_one_never(kafka_broker):
    topic = kafka_broker.create_topic("transactions")
    producer = transactional(kafka_broker, f"{topic}-writer")
    producer.begin_transaction()
    write(producer, topic, [b"never", b"never either"])
    producer.flush(30)
    producer.abort_transaction(30)
    producer.begin_transaction()
    write(producer, topic, [b"one", b"two"])
    producer.commit_transaction(30)
    producer.begin_transaction()
    write(producer, topic, [b"three"])
    producer.commit_transaction(30)
    assert committed(kafka_broker, topic, 3) == [b"one", b"two", b"three"]


def test_what_was_committed_outlives_a_kill_and_an_open_transaction_does_not(tmp_path):
    with run_kafka(tmp_path) as broker:
        topic = broker.create_topic("killed")
        producer = transactional(broker, "writer")
        producer.begin_transaction()
        write(producer, topic, [b"kept"])
        producer.commit_transaction(30)
        producer.begin_transaction()
        write(producer, topic, [b"open"])
        producer.flush(30)
        broker.kill()
        broker.start()
        # The next writer of the name ends what the one before had left open.
        again = transactional(broker, "writer")
        again.begin_transaction()
        write(again, topic, [b"after"])
        again.commit_transaction(30)
        assert committed(broker, topic, 2) == [b"kept", b"after"]
        with pytest.raises(KafkaException) as fenced:
            producer.commit_transaction(30)
        assert fenced.value.args[0].code() in {KafkaError._FENCED, KafkaError.PRODUCER_FENCED}
        assert broker.stop() == 143


@pytest.mark.parametrize("port", ["port", "controller_port", "internal_port"])
def test_every_port_wants_a_password(kafka_broker, port):
    number = getattr(kafka_broker, port)
    wrong = kafka_broker.client | {"bootstrap.servers": f"127.0.0.1:{number}", "sasl.password": "wrong"}
    errors = []
    producer = Producer(wrong | {"error_cb": errors.append, "log_level": 0})
    with pytest.raises(KafkaException):
        producer.list_topics(timeout=2)
    producer.poll(2)
    assert KafkaError._AUTHENTICATION in {error.code() for error in errors}


def test_nobody_enters_without_signing_in(kafka_broker):
    plain = {"bootstrap.servers": kafka_broker.bootstrap, "log_level": 0}
    with pytest.raises(KafkaException):
        AdminClient(plain).list_topics(timeout=3)


def test_a_mistyped_topic_is_not_made(kafka_broker):
    failed = []
    producer = Producer(kafka_broker.client | {"message.timeout.ms": 5000, "log_level": 0})
    producer.produce("mistyped", b"x", on_delivery=lambda error, _: failed.append(error.code()))
    producer.flush(20)
    assert failed in (
        [KafkaError._UNKNOWN_TOPIC],
        [KafkaError.UNKNOWN_TOPIC_OR_PART],
        [KafkaError._MSG_TIMED_OUT],
    )
    assert "mistyped" not in AdminClient(kafka_broker.client).list_topics(timeout=10).topics


def test_no_password_is_in_its_files_or_its_command(kafka_broker):
    text = b"".join(path.read_bytes() for path in kafka_broker.folder.glob("*") if path.is_file())
    assert kafka_broker.password.encode() not in text
    command = " ".join(psutil.Process(kafka_broker.pid).cmdline())
    assert "kafka.Kafka" in command
    assert kafka_broker.password not in command


def test_who_answers_otherwise_is_no_broker(postgres_server):
    with pytest.raises(NotReadyError, match="does not"):
        expect_broker(f"127.0.0.1:{postgres_server.port}")
    with pytest.raises(NotReadyError, match="does not answer"):
        expect_broker(f"127.0.0.1:{free_port()}")
