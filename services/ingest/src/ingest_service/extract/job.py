"""What the reading process is told and what it answers, as JSON."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ingest_service.domain.source import Sql

__all__ = ["ExtractFailure", "ExtractJob", "ExtractReport", "Extracted"]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExtractJob(_Message):
    """One chunk to read into `out`.

    `address` is the resolved host. `columns` are wanted; `key_columns` are listed whole with the last chunk, where
    there are any. `position` says how far the source had been read, `again` that the lag below it is read again
    (waiting `settle_seconds` at most for transactions that are open), `ceiling` what the position may not pass (None: found out now), `everything` that neither counts. `silence_seconds`
    beyond a statement's time without a word from the server end it.
    """

    sql: Sql
    address: str
    columns: tuple[str, ...]
    key_columns: tuple[str, ...] = ()
    position: str | None = None
    ceiling: str | None = None
    again: bool = True
    everything: bool = False
    out: Path
    keys_out: Path
    max_bytes: int
    connect_seconds: int
    ca_file: str | None = None
    settle_seconds: float = 0.0
    silence_seconds: float = 120.0


class Extracted(_Message):
    """A chunk. `plain` columns are text that the reader wrote, in one form whatever people write; bytes as in memory."""

    rows: int
    bytes: int
    position: str | None
    ceiling: str | None
    last: bool
    plain: tuple[str, ...]


class ExtractFailure(_Message):
    """Why there is no chunk. What is not `lasting` may pass by itself."""

    reason: str
    lasting: bool
    message_en: str
    message_id: str
    remedy_en: str
    remedy_id: str


class ExtractReport(_Message):
    """One of both."""

    extracted: Extracted | None = None
    failure: ExtractFailure | None = None
