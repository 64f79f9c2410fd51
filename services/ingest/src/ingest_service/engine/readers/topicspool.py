"""Messages of a topic on their way to validation: an Arrow file and what is known of their schemas, in a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

__all__ = ["MANIFEST", "MESSAGES", "SPOOL_SCHEMA", "SpoolWriter", "SpooledMessage", "TopicManifest"]

MANIFEST, MESSAGES = "topic.json", "messages.arrow"
# `size` is null for a message without a value (a tombstone); `value` is also null where it is larger than allowed.
SPOOL_SCHEMA = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("timestamp", pa.int64()),
        ("key", pa.binary()),
        ("size", pa.int64()),
        ("value", pa.binary()),
    ]
)


class TopicManifest(BaseModel):
    """What the messages are. `schemas` are Avro schemas by number; None where the registry has no such schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    format: Literal["json", "avro"]
    message_bytes: int
    schemas: dict[int, str | None] = {}


@dataclass(frozen=True, slots=True)
class SpooledMessage:
    """A message as it came; `timestamp` is in milliseconds since 1970, None where it has none."""

    partition: int
    offset: int
    timestamp: int | None
    key: bytes | None
    size: int | None
    value: bytes | None


class SpoolWriter:
    """Writes messages to a folder; nothing is there before the first, and all is there once it is closed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    def add(self, messages: Sequence[SpooledMessage]) -> None:
        """Writes some messages."""
        if self._writer is None:
            self._writer = pa.ipc.new_file(self._folder / MESSAGES, SPOOL_SCHEMA)
        columns = [
            pa.array([getattr(message, field.name) for message in messages], field.type)
            for field in SPOOL_SCHEMA
        ]
        self._writer.write_batch(pa.record_batch(columns, schema=SPOOL_SCHEMA))

    def close(self, manifest: TopicManifest) -> None:
        """Ends the file."""
        if self._writer is not None:
            self._writer.close()
            (self._folder / MANIFEST).write_text(manifest.model_dump_json(), encoding="utf-8")
