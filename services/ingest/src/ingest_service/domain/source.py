"""The source language as models; an unknown key is an error."""

import re
from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from ingest_service.domain.contract import Localized

__all__ = [
    "Connection",
    "Deletes",
    "Kafka",
    "Partitions",
    "Place",
    "Registry",
    "SourceDeclaration",
    "Sql",
    "Table",
    "Throttle",
]

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
# What stands in quotes in SQL: anything but NUL, at most as long as the longest of any server.
Quoted = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]
SecretName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Host = Annotated[
    str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$")
]
_DURATION = re.compile(r"^(\d{1,6})(s|m|h|d)$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Connection(_Model):
    """Where a database is. `password` names a secret that the platform holds; the value is never in the file."""

    driver: Literal["postgresql", "mariadb", "mysql", "sqlserver", "oracle"]
    host: Host
    port: int = Field(ge=1, le=65535)
    database: Quoted
    user: Quoted
    password: SecretName
    tls: Literal["verify", "off"] = "verify"


class Table(_Model):
    """A table or view by its name; `schema` is left out where the server has none."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    schema_name: Quoted | None = Field(default=None, alias="schema")
    name: Quoted


class Partitions(_Model):
    """Ranges of a whole-number column that are read side by side."""

    column: Quoted
    count: int = Field(ge=2, le=64)


class Deletes(_Model):
    """Rows whose key the source no longer has go; a run that would delete more than `max_share` of them fails."""

    by: Literal["key"]
    max_share: float = Field(default=0.2, gt=0, le=1)


class Throttle(_Model):
    """How hard a source may be pressed: rows and bytes of all readers together, `connections` readers beside the one that asks."""

    rows_per_second: int | None = Field(default=None, ge=1)
    bytes_per_second: int | None = Field(default=None, ge=1)
    connections: int = Field(default=2, ge=1, le=32)
    statement_seconds: int = Field(default=3600, ge=1, le=86400)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}") from error
    return name


class Sql(_Model):
    """A table or a query of a database, and how it is read.

    `column` (mode incremental) grows with every change of a row. Rows up to `lag` below what was read are read again:
    a duration such as `2h` for times, a number for whole numbers. `time_zone` is that of timestamps without one.
    """

    connection: Connection
    table: Table | None = None
    query: str | None = Field(default=None, min_length=1, max_length=20_000)
    mode: Literal["full", "incremental"]
    column: Quoted | None = None
    lag: str | int | None = None
    chunk_rows: int = Field(default=1_000_000, ge=1, le=20_000_000)
    partitions: Partitions | None = None
    deletes: Deletes | None = None
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    throttle: Throttle = Throttle()

    @field_validator("lag")
    @classmethod
    def _readable_lag(cls, value: str | int | None) -> str | int | None:
        if isinstance(value, str) and not _DURATION.match(value):
            raise ValueError(f"{value!r} is no lag: write 90s, 30m, 2h, 3d or a whole number")
        if isinstance(value, int) and value < 0:
            raise ValueError("a lag is not negative")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "Sql":
        if (self.table is None) == (self.query is None):
            raise ValueError("give one of table and query")
        incremental = self.mode == "incremental"
        if incremental != (self.column is not None) or incremental != (self.lag is not None):
            raise ValueError("`column` and `lag` belong to mode incremental, and it needs both")
        if self.deletes is not None and not incremental:
            raise ValueError("`deletes` belongs to mode incremental: mode full replaces everything anyhow")
        return self

    @property
    def lag_span(self) -> timedelta | int:
        """The lag, read; 0 without one."""
        if isinstance(self.lag, str) and (match := _DURATION.match(self.lag)):
            return timedelta(**{_UNITS[match[2]]: int(match[1])})
        return self.lag if isinstance(self.lag, int) else 0


class Place(_Model):
    """A host and a port that the platform has to allow."""

    host: Host
    port: int = Field(ge=1, le=65535)


class KafkaAccount(_Model):
    """Who signs in to the broker. `password` names a secret, as for databases."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    user: Quoted
    password: SecretName


class RegistryAccount(_Model):
    """Who signs in to the registry."""

    user: Quoted
    password: SecretName


class Registry(Place):
    """A schema registry: where Avro schemas are asked for by their number."""

    tls: Literal["verify", "off"] = "verify"
    account: RegistryAccount | None = None


class Kafka(_Model):
    """A topic, read without end. Bytes and seconds.

    `start` is where a source that has never read this topic begins: with the oldest messages that are kept, or after
    the newest. A batch is committed after `commit_seconds`, or once it has `batch_rows` messages or
    `batch_bytes`. A message above `message_bytes` is a dead letter. Another `generation` forgets how far the topic was
    read: it begins with `start` again. `lost` is what to do where messages were deleted before they were read.
    """

    bootstrap: Place
    topic: str = Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")
    format: Literal["json", "avro"]
    registry: Registry | None = None
    tls: Literal["verify", "off"] = "verify"
    account: KafkaAccount | None = None
    start: Literal["earliest", "latest"] = "earliest"
    generation: int = Field(default=1, ge=1, le=1_000_000)
    lost: Literal["stop", "skip"] = "stop"
    commit_seconds: int = Field(default=5, ge=1, le=3600)
    batch_rows: int = Field(default=100_000, ge=1, le=1_000_000)
    batch_bytes: int = Field(default=64 * 1024**2, ge=1024, le=1024**3)
    message_bytes: int = Field(default=1024**2, ge=1, le=64 * 1024**2)

    @model_validator(mode="after")
    def _fits_together(self) -> "Kafka":
        if self.topic in {".", ".."}:
            raise ValueError(f"{self.topic!r} is no topic")
        if (self.format == "avro") != (self.registry is not None):
            raise ValueError("`registry` belongs to format avro, and it needs one")
        return self


class SourceDeclaration(_Model):
    """A source: which dataset it feeds, and the section that its type names."""

    kind: Literal["Source"]
    name: Identifier
    display_name: Localized
    description: Localized
    owner: str
    dataset: Identifier
    type: Literal["sql", "kafka"]
    sql: Sql | None = None
    kafka: Kafka | None = None

    @model_validator(mode="after")
    def _has_its_section(self) -> "SourceDeclaration":
        given = {name for name in ("sql", "kafka") if getattr(self, name) is not None}
        if given != {self.type}:
            raise ValueError(f"type {self.type} has the section `{self.type}` and no other")
        return self

    @property
    def database(self) -> Sql:
        """The section of a source of type sql."""
        if self.sql is None:
            raise TypeError(f"sources/{self.name} is no database")
        return self.sql

    @property
    def stream(self) -> Kafka:
        """The section of a source of type kafka."""
        if self.kafka is None:
            raise TypeError(f"sources/{self.name} is no topic")
        return self.kafka
