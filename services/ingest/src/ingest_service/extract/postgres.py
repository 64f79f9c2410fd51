"""PostgreSQL: psycopg asks, ADBC reads into Arrow without an object of Python per value (`bench/sources.py`)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import psycopg
import pyarrow as pa
from psycopg import sql as quoting
from psycopg.conninfo import make_conninfo
from typing_extensions import override

from ingest_service.extract.database import Access, Database, DbColumn, Horizon, Kind
from ingest_service.extract.failures import ExtractError, away, credentials, refused, slow, untrusted

__all__ = ["PostgresDatabase"]

_KINDS: dict[int, Kind] = {
    16: "boolean",
    **dict.fromkeys((20, 21, 23), "whole"),
    **dict.fromkeys((700, 701), "double"),
    1700: "decimal",
    **dict.fromkeys((25, 1042, 1043, 19), "text"),
    1082: "date",
    1114: "local",
    1184: "instant",
}
_BEGIN = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_CANCELLED = "57014"
# Connection refused, broken or shut down: classes of SQLSTATE.
_AWAY = ("08", "53", "57", "58", "40")
_UNTRUSTED = (
    "certificate verify failed",
    "signature failure",
    "server certificate for",
    "server does not support SSL",
)
_NOT_LET_IN = (
    "password authentication failed",
    "no pg_hba.conf entry",
    "does not exist",
    "not permitted to log in",
)


class PostgresDatabase(Database):
    """A connection to PostgreSQL; one in the snapshot of another only reads, and each has one session in the server."""

    def __init__(self, access: Access, snapshot: str | None = None) -> None:
        self._access, self._snapshot = access, snapshot
        self._seconds = access.sql.throttle.statement_seconds
        self._reader: Any = None
        self._asking: psycopg.Connection[Any] | None = None
        if snapshot is None:
            try:
                self._asking = psycopg.connect(self._conninfo())
                self._asking.execute(_BEGIN)
            except psycopg.Error as error:
                raise self._failure(error) from error

    @property
    def _connection(self) -> psycopg.Connection[Any]:
        if self._asking is None:
            raise RuntimeError("a connection in another one's snapshot reads, and is asked nothing")
        return self._asking

    def _conninfo(self) -> str:
        connection = self._access.sql.connection
        return make_conninfo(
            host=connection.host,
            # The address that was checked: the name is not resolved a second time.
            hostaddr=self._access.address,
            port=connection.port,
            dbname=connection.database,
            user=connection.user,
            password=self._access.password,
            sslmode="verify-full" if connection.tls == "verify" else "disable",
            sslrootcert=self._access.authorities if connection.tls == "verify" else "",
            client_encoding="UTF8",
            connect_timeout=self._access.connect_seconds,
            keepalives_idle=30,
            application_name="lumbung-ingest",
            options=f"-c statement_timeout={self._seconds * 1000} -c idle_in_transaction_session_timeout=0"
            " -c TimeZone=UTC -c DateStyle=ISO -c default_transaction_read_only=on",
        )

    @override
    def snapshot(self) -> str | None:
        return str(self.scalar("SELECT pg_export_snapshot()"))

    @override
    def horizon(self) -> Horizon | None:
        # oldest:next:those open between them; known to every user, and by every version.
        oldest, following, _open = str(self.scalar("SELECT CAST(txid_current_snapshot() AS text)")).split(":")
        return Horizon(int(oldest), int(following))

    @override
    def renew(self) -> None:
        try:
            self._connection.rollback()
            self._connection.execute(_BEGIN)
        except psycopg.Error as error:
            raise self._failure(error) from error

    @override
    def clock(self) -> datetime:
        found: datetime = self.scalar("SELECT now()")
        return found.astimezone(UTC)

    @override
    def describe(self, relation: str) -> Sequence[DbColumn]:
        try:
            # Prepared, so that nothing but one statement can be meant.
            query = f"SELECT * FROM {relation} AS source LIMIT 0"  # noqa: S608 - quoted
            found = self._connection.execute(query.encode(), prepare=True)
        except psycopg.Error as error:
            raise self._failure(error) from error
        return [DbColumn(item.name, _KINDS.get(item.type_code, "other")) for item in found.description or ()]

    @override
    def scalar(self, query: str) -> Any:
        try:
            row = self._connection.execute(query.encode(), prepare=True).fetchone()
        except psycopg.Error as error:
            raise self._failure(error) from error
        return row[0] if row else None

    @override
    def quote(self, name: str) -> str:
        return quoting.Identifier(name).as_string(None)

    @override
    def literal(self, value: Any) -> str:
        return quoting.Literal(value).as_string(None)

    @override
    def as_text(self, column: str) -> str:
        return f"CAST({column} AS text)"

    @override
    def batches(self, query: str, columns: Sequence[DbColumn]) -> Iterator[pa.RecordBatch]:
        try:
            self._reader = adbc_driver_postgresql.dbapi.connect(self._conninfo())
            with self._reader.cursor() as cursor:
                cursor.execute(_BEGIN)
                if self._snapshot is not None:
                    cursor.execute(f"SET TRANSACTION SNAPSHOT {self.literal(self._snapshot)}")
                cursor.execute(query)
                for batch in cursor.fetch_record_batch():
                    yield pa.record_batch(
                        [_storage(column) for column in batch.columns], names=[c.name for c in columns]
                    )
        except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
            raise self._failure(error) from error

    @override
    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
        if self._asking is not None:
            self._asking.close()

    def _failure(self, error: Exception) -> ExtractError:
        said = str(error).strip().replace(self._access.password, "***").partition("\n")[0].rstrip(".")
        state = str(getattr(error, "sqlstate", None) or "")
        if state == _CANCELLED or "statement timeout" in said:
            return slow(self._seconds)
        if state.startswith("28") or (not state and any(words in said for words in _NOT_LET_IN)):
            return credentials(self._access.sql.connection.user, said)
        if not state and any(words in said for words in _UNTRUSTED):
            return untrusted(said)
        # A value that the driver cannot hold, such as an infinite watermark.
        if isinstance(error, psycopg.DataError):
            return refused(said)
        if not state or state.startswith(_AWAY):
            return away(said)
        return refused(said)


def _storage(column: pa.Array) -> pa.Array:
    """Types that Arrow lacks come as text under another name."""
    return column.storage if isinstance(column, pa.ExtensionArray) else column
