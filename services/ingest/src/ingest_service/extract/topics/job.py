"""What the process that reads a topic is told and what it answers: a line of JSON each."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ingest_service.domain.source import Kafka
from ingest_service.extract.job import ExtractFailure

__all__ = ["Batch", "BatchOrder", "TopicAnswer", "TopicJob", "TopicSecrets"]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TopicSecrets(_Message):
    """Passwords of the broker and of the registry; the first line of the process's input."""

    broker: str | None = None
    registry: str | None = None


class TopicJob(_Message):
    """The topic, and where to go on (`offsets` by partition; none: as `start` says); the second line.

    `brokers` are the places (host:port) that may be spoken to, `registry_address` is the registry's resolved host.
    `topic_id` is that of the topic as it was read before.
    """

    kafka: Kafka
    client: str
    topic_id: str | None = None
    offsets: dict[int, int] = {}
    brokers: tuple[str, ...]
    registry_address: str | None = None
    connect_seconds: int
    ca_file: str | None = None
    idle_seconds: float = 1.0
    metadata_seconds: float = 10.0


class BatchOrder(_Message):
    """The next batch goes into the empty folder `out`. With `upto` it ends exactly there (the next offsets)."""

    out: Path
    upto: dict[int, int] | None = None


class Batch(_Message):
    """Messages up to `offsets` (the next to read). `lag` are messages not read yet, by partition; bytes of values.
    `lost` are offsets that were gone before they were read.

    `problem` is what the client last complained of, where it has not read anything since.
    """

    topic_id: str
    offsets: dict[int, int]
    messages: int = 0
    bytes: int = 0
    lag: dict[int, int] = {}
    lost: int = 0
    problem: str = ""


class TopicAnswer(_Message):
    """One of both. After a failure the process ends."""

    batch: Batch | None = None
    failure: ExtractFailure | None = None
