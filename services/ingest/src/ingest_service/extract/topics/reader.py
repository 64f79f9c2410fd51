"""Reads a topic batch by batch. Where to go on is told by whoever commits the batches: nothing is kept in the broker."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from ingest_service.engine.readers.topicspool import SpooledMessage, SpoolWriter, TopicManifest
from ingest_service.extract.failures import ExtractError, away, messages_lost, refused, topic_changed
from ingest_service.extract.topics.client import client_settings, consumer_settings, raised
from ingest_service.extract.topics.job import Batch, BatchOrder, TopicJob, TopicSecrets
from ingest_service.extract.topics.registry import SchemaRegistry, schema_number

__all__ = ["TopicReader"]

_ASK_SECONDS = 10.0
_REPLAY_SECONDS = 120.0
_MOST_AT_ONCE = 5000
_FIRST_AT_ONCE = 100


@dataclass
class _Gathered:
    """A batch in the making."""

    spool: SpoolWriter
    messages: int = 0
    bytes: int = 0
    schemas: dict[int, str | None] = field(default_factory=dict)


class TopicReader:
    """One consumer with all partitions of a topic. Errors are ExtractErrors."""

    def __init__(self, job: TopicJob, secrets: TopicSecrets) -> None:
        self._job, self._kafka = job, job.kafka
        self._problem: KafkaError | None = None
        self._next: dict[int, int] = {}
        self._lost = 0
        self._looked = 0.0
        self._topic_id = ""
        self._registry = self._open_registry(secrets)
        self._admin = AdminClient(client_settings(job, secrets.broker))
        self._consumer = Consumer(consumer_settings(job, secrets.broker) | {"error_cb": self._complain})
        try:
            self._begin()
        except KafkaException as error:
            raise self._failed(error) from error

    def _open_registry(self, secrets: TopicSecrets) -> SchemaRegistry | None:
        registry, address = self._kafka.registry, self._job.registry_address
        if registry is None or address is None:
            return None
        return SchemaRegistry(
            registry,
            address,
            secrets.registry,
            ca_file=self._job.ca_file,
            timeout_seconds=self._job.connect_seconds,
        )

    def _complain(self, error: KafkaError) -> None:
        self._problem = error

    def _failed(self, error: KafkaException) -> ExtractError:
        """What it means; the client often says before why it does not answer."""
        found = error.args[0]
        if self._problem is not None and found.code() in {KafkaError._TRANSPORT, KafkaError._TIMED_OUT}:  # noqa: SLF001
            found = self._problem
        return raised(found)

    def _begin(self) -> None:
        partitions = self._look()
        self._expect_topic()
        known = self._job.offsets
        if missing := [partition for partition in known if partition not in partitions]:
            raise topic_changed(f"it has no partition {missing[0]}", f"tidak ada partisi {missing[0]}")
        for partition in partitions:
            # A partition that came later is read from its beginning, whatever `start` says.
            newest = not known and self._kafka.start == "latest"
            self._next[partition] = self._checked(partition, known.get(partition), newest=newest)
        self._assign()

    def _look(self) -> list[int]:
        """The partitions by now, once every broker that the topic names is one that may be spoken to."""
        self._looked = time.monotonic()
        metadata = self._consumer.list_topics(self._kafka.topic, _ASK_SECONDS)
        topic = metadata.topics[self._kafka.topic]
        if topic.error is not None:
            raise raised(topic.error)
        allowed = {place.lower() for place in self._job.brokers}
        places = {f"{broker.host}:{broker.port}".lower() for broker in metadata.brokers.values()}
        if strange := sorted(places - allowed):
            raise refused(
                f"the broker sends its readers to {strange[0]}, which is not among the allowed hosts (sources.hosts)"
            )
        return sorted(topic.partitions)

    def _expect_topic(self) -> None:
        asked = self._admin.describe_topics(
            TopicCollection([self._kafka.topic]), request_timeout=_ASK_SECONDS
        )
        found = str(asked[self._kafka.topic].result(_ASK_SECONDS + 1).topic_id)
        known = self._topic_id or self._job.topic_id
        if known and known != found:
            raise topic_changed(f"its id is {found}, not {known}", f"id-nya {found}, bukan {known}")
        self._topic_id = found

    def _checked(self, partition: int, wanted: int | None, *, newest: bool) -> int:
        low, high = self._consumer.get_watermark_offsets(
            TopicPartition(self._kafka.topic, partition), timeout=_ASK_SECONDS
        )
        if wanted is None:
            return int(high if newest else low)
        if wanted > high:
            raise topic_changed(
                f"partition {partition} ends at offset {high}, and was read up to {wanted}",
                f"partisi {partition} berakhir pada offset {high}, padahal dibaca sampai {wanted}",
            )
        if wanted < low:
            if self._kafka.lost == "stop":
                raise messages_lost(partition, wanted, low)
            self._lost += low - wanted
            return int(low)
        return wanted

    def _assign(self) -> None:
        self._consumer.assign(
            [TopicPartition(self._kafka.topic, partition, offset) for partition, offset in self._next.items()]
        )

    def read(self, order: BatchOrder) -> Batch:
        """The next batch; without messages when none came for a while."""
        try:
            if time.monotonic() - self._looked > self._job.metadata_seconds:
                self._renew()
            gathered = _Gathered(SpoolWriter(order.out))
            if order.upto is None:
                self._gather(gathered)
            else:
                self._gather_upto(gathered, order.upto)
        except KafkaException as error:
            raise self._failed(error) from error
        kafka = self._kafka
        gathered.spool.close(
            TopicManifest(
                topic=kafka.topic,
                format=kafka.format,
                message_bytes=kafka.message_bytes,
                schemas=gathered.schemas,
            )
        )
        if gathered.messages:
            self._problem = None
        return Batch(
            topic_id=self._topic_id,
            offsets=dict(self._next),
            messages=gathered.messages,
            bytes=gathered.bytes,
            lag=self._lag(),
            lost=self._lost,
            problem="" if self._problem is None else f"{self._problem.name()}: {self._problem.str()}"[:500],
        )

    def _renew(self) -> None:
        """Takes partitions that were added meanwhile; a topic that was made anew is an error. A broker that is away is none."""
        try:
            partitions = self._look()
            self._expect_topic()
        except KafkaException as error:
            self._problem = error.args[0]
            return
        added = [partition for partition in partitions if partition not in self._next]
        for partition in added:
            self._next[partition] = self._checked(partition, None, newest=False)
        if added:
            self._consumer.incremental_assign(
                [TopicPartition(self._kafka.topic, partition, self._next[partition]) for partition in added]
            )

    def _gather(self, gathered: _Gathered) -> None:
        """Messages until the batch is full or its time is up; without any, the idle time."""
        begun = time.monotonic()
        end = begun + self._job.idle_seconds
        while (left := end - time.monotonic()) > 0:
            count = self._room(gathered)
            if count <= 0:
                return
            before = gathered.messages
            self._take(gathered, self._consumer.consume(count, min(left, 0.2)), {})
            if before == 0 and gathered.messages:
                end = time.monotonic() + self._kafka.commit_seconds

    def _room(self, gathered: _Gathered) -> int:
        """How many messages may be asked for, so that the batch stays within its bounds."""
        kafka = self._kafka
        if gathered.messages == 0:
            return min(_FIRST_AT_ONCE, kafka.batch_rows)
        average = max(gathered.bytes // gathered.messages, 1)
        most = -(-(kafka.batch_bytes - gathered.bytes) // average)
        return min(_MOST_AT_ONCE, kafka.batch_rows - gathered.messages, most)

    def _gather_upto(self, gathered: _Gathered, upto: Mapping[int, int]) -> None:
        """Exactly the messages below these offsets: a batch that was begun before."""
        deadline = time.monotonic() + _REPLAY_SECONDS
        while any(self._next[partition] < end for partition, end in upto.items()):
            if time.monotonic() > deadline:
                raise away(f"no message came for a batch up to {dict(upto)}")
            self._take(gathered, self._consumer.consume(_MOST_AT_ONCE, 0.2), upto)
        # What was read beyond is read again.
        self._next |= upto
        self._assign()

    def _take(self, gathered: _Gathered, messages: list[Message], upto: Mapping[int, int]) -> None:
        taken = []
        for message in messages:
            partition, offset = message.partition(), message.offset()
            if (error := message.error()) is not None:
                self._heed(error, partition, offset)
                continue
            self._next[partition] = offset + 1
            if offset >= upto.get(partition, offset + 1):
                continue
            value = message.value()
            size = None if value is None else len(value)
            kind, stamp = message.timestamp()
            if size is not None and size > self._kafka.message_bytes:
                value = None
            taken.append(
                SpooledMessage(
                    partition,
                    offset,
                    None if kind == TIMESTAMP_NOT_AVAILABLE else stamp,
                    message.key(),
                    size,
                    value,
                )
            )
            gathered.bytes += size or 0
        if not taken:
            return
        gathered.messages += len(taken)
        if self._registry is not None:
            numbers = {schema_number(message.value) for message in taken if message.value is not None}
            wanted = {number for number in numbers if number is not None} - set(gathered.schemas)
            gathered.schemas |= self._registry.schemas(wanted)
        gathered.spool.add(taken)

    def _heed(self, error: KafkaError, partition: int, offset: int) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the library's name for it
            # What lies between the last message and the end is no message: marks of transactions.
            self._next[partition] = max(self._next[partition], offset)
        elif error.code() in {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001
            self._next[partition] = self._checked(partition, self._next[partition], newest=False)
            self._assign()
        elif not error.retriable() and error.code() != KafkaError._TRANSPORT:  # noqa: SLF001 - as above
            raise raised(error)
        else:
            self._problem = error

    def _lag(self) -> dict[int, int]:
        """Offsets between what was read and what the last answer of each partition's broker said."""
        lag = {}
        for partition, offset in self._next.items():
            _low, high = self._consumer.get_watermark_offsets(
                TopicPartition(self._kafka.topic, partition), cached=True
            )
            lag[partition] = max(high - offset, 0)
        return lag

    def close(self) -> None:
        """Gives the connections back."""
        self._consumer.close()
