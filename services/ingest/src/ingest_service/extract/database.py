"""What reading needs of a database; a driver per kind of server brings it."""

import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from ingest_service.domain.source import Sql

__all__ = ["Access", "Database", "DbColumn", "Horizon", "Kind"]

# whole, decimal, double, text, boolean and date speak for themselves. `instant` is a time with a zone, `local` one without;
# `other` is read as the server writes it in text.
Kind = Literal["whole", "decimal", "double", "text", "boolean", "date", "instant", "local", "other"]


@dataclass(frozen=True, slots=True)
class DbColumn:
    """A column as the server describes it."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Access:
    """How to get at a database; `address` is the resolved host, `ca_file` whom its certificate has to be signed by."""

    sql: Sql
    address: str
    password: str
    connect_seconds: int
    ca_file: str | None = None

    @property
    def authorities(self) -> str:
        """The file with the authorities that may have signed the server's certificate.

        Named, since drivers that bring their own OpenSSL look for the system's in other places.
        """
        return self.ca_file or ssl.get_default_verify_paths().cafile or "system"


@dataclass(frozen=True, slots=True)
class Horizon:
    """Transactions by numbers that grow: all below `oldest` have ended, none from `next` on had begun."""

    oldest: int
    next: int


class Database(ABC):
    """One connection in a read-only transaction, with a bound on each statement. Errors are ExtractErrors."""

    @abstractmethod
    def snapshot(self) -> str | None:
        """A name by which other connections see the same state; None where the server has no such thing."""

    @abstractmethod
    def horizon(self) -> Horizon | None:
        """What the state that this connection sees may lack; None where the server does not tell this user."""

    @abstractmethod
    def renew(self) -> None:
        """Goes on in a new transaction, which sees what has been committed until now."""

    @abstractmethod
    def clock(self) -> datetime:
        """The server's time, UTC."""

    @abstractmethod
    def describe(self, relation: str) -> Sequence[DbColumn]:
        """The columns of a relation."""

    @abstractmethod
    def scalar(self, query: str) -> Any:
        """The only value of the only row; None when there is no row."""

    @abstractmethod
    def quote(self, name: str) -> str:
        """A name in quotes."""

    @abstractmethod
    def literal(self, value: Any) -> str:
        """A value of Python as the server's own quoting writes it."""

    @abstractmethod
    def as_text(self, column: str) -> str:
        """An expression that is the text of a (quoted) column."""

    @abstractmethod
    def batches(self, query: str, columns: Sequence[DbColumn]) -> Iterator[pa.RecordBatch]:
        """The rows of a query, in bounded memory. Decimals come as text; local times as the source's zone makes them."""

    @abstractmethod
    def close(self) -> None:
        """Gives the connection back."""

    def relation(self, sql: Sql) -> str:
        """The declared table, or the declared query as one."""
        if sql.table is not None:
            parts = [part for part in (sql.table.schema_name, sql.table.name) if part is not None]
            return ".".join(self.quote(part) for part in parts)
        # The line's end closes a comment that the query may end with.
        return f"(\n{(sql.query or '').strip().rstrip(';')}\n)"
