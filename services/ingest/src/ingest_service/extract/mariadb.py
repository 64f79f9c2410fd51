"""MariaDB and MySQL through PyMySQL: values come as the server writes them, and are typed column by column."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pyarrow as pa
import pymysql
from pymysql.constants import FIELD_TYPE
from typing_extensions import override

from ingest_service.extract.database import Access, Database, DbColumn, Horizon, Kind
from ingest_service.extract.failures import ExtractError, away, credentials, refused, slow, untrusted

__all__ = ["MariadbDatabase"]

_BATCH_ROWS = 50_000
# Without its decoders: the type stubs know no such choice.
_ENCODERS: Any = pymysql.converters.encoders
_BINARY = 63  # the character set of bytes
_WHOLE = (FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.YEAR)
_KINDS: dict[int, Kind] = {
    **dict.fromkeys(_WHOLE, "whole"),
    # An unsigned one may be above what 64 bits with a sign hold: as text it is a finding there, not another number.
    FIELD_TYPE.LONGLONG: "decimal",
    **dict.fromkeys((FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL), "decimal"),
    **dict.fromkeys((FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE), "double"),
    FIELD_TYPE.DATE: "date",
    FIELD_TYPE.NEWDATE: "date",
    FIELD_TYPE.TIMESTAMP: "instant",
    FIELD_TYPE.DATETIME: "local",
}
_POLARS: dict[Kind, pl.DataType] = {"whole": pl.Int64(), "double": pl.Float64()}
# Transactions by the second in which they began; those of this second count as begun.
_OPEN = """SELECT COALESCE(MIN(UNIX_TIMESTAMP(trx_started)), UNIX_TIMESTAMP() + 1) DIV 1, UNIX_TIMESTAMP() + 1
    FROM information_schema.innodb_trx WHERE trx_mysql_thread_id <> CONNECTION_ID()"""
_NO_PROCESS_RIGHT = 1227
_NOT_LET_IN, _SLOW = {1044, 1045, 1049, 1698}, {1969, 3024}
_UNTRUSTED = ("CERTIFICATE_VERIFY_FAILED", "SSL is required")
_AWAY = {1040, 1053, 1205, 1213, 1927, 2002, 2003, 2005, 2006, 2013, 2014, 2055}


class MariadbDatabase(Database):
    """A connection to MariaDB or MySQL. There is no snapshot to share: each connection has its own."""

    def __init__(self, access: Access, snapshot: str | None = None) -> None:
        del snapshot
        self._access = access
        connection = access.sql.connection
        seconds = access.sql.throttle.statement_seconds
        try:
            self._connection = pymysql.connect(
                host=connection.host,
                port=connection.port,
                database=connection.database,
                user=connection.user,
                password=access.password,
                charset="utf8mb4",
                connect_timeout=access.connect_seconds,
                read_timeout=seconds + 60,
                local_infile=False,
                # Nothing is turned into an object of Python: that costs more than all the rest.
                conv=_ENCODERS,
                ssl=ssl.create_default_context(cafile=access.ca_file) if connection.tls == "verify" else None,
                ssl_disabled=connection.tls == "off",
                defer_connect=True,
            )
            # To the address that was checked; the certificate has to be that of the name.
            place = (access.address, connection.port)
            self._connection.connect(socket.create_connection(place, access.connect_seconds))
            limit = (
                f"max_statement_time = {seconds}"
                if connection.driver == "mariadb"
                else f"max_execution_time = {seconds * 1000}"
            )
            for statement in (
                f"SET SESSION {limit}, time_zone = '+00:00', sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
                "SET SESSION net_write_timeout = 600",
                "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            ):
                self._ask(statement)
            self._horizon = self._begin()
        except (pymysql.Error, OSError) as error:
            raise self._failure(error) from error

    def _begin(self) -> Horizon | None:
        """What is open is asked first: what ends between the two steps is seen after all."""
        try:
            row, _description = self._ask(_OPEN)
            horizon = Horizon(int(row[0]), int(row[1]))
        except pymysql.Error as error:
            if error.args[0] != _NO_PROCESS_RIGHT:
                raise
            horizon = None
        self._ask("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        return horizon

    def _ask(self, statement: str) -> Any:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone(), cursor.description

    @override
    def snapshot(self) -> str | None:
        return None

    @override
    def horizon(self) -> Horizon | None:
        return self._horizon

    @override
    def renew(self) -> None:
        try:
            self._ask("ROLLBACK")
            self._horizon = self._begin()
        except (pymysql.Error, OSError) as error:
            raise self._failure(error) from error

    @override
    def clock(self) -> datetime:
        found: datetime = self.scalar("SELECT CAST(UTC_TIMESTAMP(6) AS DATETIME(6))")
        return found.replace(tzinfo=UTC)

    @override
    def describe(self, relation: str) -> Sequence[DbColumn]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {relation} AS source LIMIT 0")  # noqa: S608 - quoted
                result: Any = cursor
                fields = result._result.fields  # noqa: SLF001 - the character set stands nowhere else
        except (pymysql.Error, OSError) as error:
            raise self._failure(error) from error
        return [DbColumn(field.name, _kind(field)) for field in fields]

    @override
    def scalar(self, query: str) -> Any:
        try:
            row, description = self._ask(query)
        except (pymysql.Error, OSError) as error:
            raise self._failure(error) from error
        if row is None or row[0] is None:
            return None
        return _value(row[0], description[0][1])

    @override
    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    @override
    def literal(self, value: Any) -> str:
        if isinstance(value, datetime) and value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        if isinstance(value, int):
            return str(value)
        text = (
            value.isoformat(sep=" ", timespec="microseconds")
            if isinstance(value, datetime)
            else value.isoformat()
        )
        return f"'{text}'"

    @override
    def as_text(self, column: str) -> str:
        return f"CAST({column} AS CHAR CHARACTER SET utf8mb4)"

    @override
    def batches(self, query: str, columns: Sequence[DbColumn]) -> Iterator[pa.RecordBatch]:
        try:
            with self._connection.cursor(pymysql.cursors.SSCursor) as cursor:
                cursor.execute(query)
                while rows := cursor.fetchmany(_BATCH_ROWS):
                    yield self._batch(rows, columns)
        except (pymysql.Error, OSError) as error:
            raise self._failure(error) from error

    def _batch(self, rows: Sequence[Sequence[Any]], columns: Sequence[DbColumn]) -> pa.RecordBatch:
        made = [
            self._typed(pl.Series(column.name, values, dtype=pl.String), column.kind)
            for column, values in zip(columns, zip(*rows, strict=True), strict=True)
        ]
        return (
            pl.DataFrame(made).to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks().to_batches()[0]
        )

    def _typed(self, text: pl.Series, kind: Kind) -> pl.Series:
        """Dates and times stay text: what the server takes for one (0000-00-00) need not be one."""
        if kind in _POLARS:
            return text.cast(_POLARS[kind])
        if kind == "instant":
            return text + "Z"
        if kind == "local" and self._access.sql.time_zone is not None:
            time = text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
            zoned = time.dt.replace_time_zone(
                self._access.sql.time_zone, ambiguous="null", non_existent="null"
            ).dt.convert_time_zone("UTC")
            return zoned.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").fill_null(text)
        return text

    @override
    def close(self) -> None:
        # Not by a farewell: rows that nobody wants would have to be fetched first.
        connection: Any = self._connection
        connection._force_close()  # noqa: SLF001

    def _failure(self, error: Exception) -> ExtractError:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        said = str(error.args[-1] if error.args else error).replace(self._access.password, "***").rstrip(".")
        connection = self._access.sql.connection
        if number in _NOT_LET_IN:
            return credentials(connection.user, said)
        if number in _SLOW:
            return slow(self._access.sql.throttle.statement_seconds)
        if any(words in said for words in _UNTRUSTED):
            return untrusted(said)
        if number in _AWAY or not isinstance(error, pymysql.Error):
            return away(said)
        return refused(said)


def _kind(field: Any) -> Kind:
    if field.type_code in _KINDS:
        return _KINDS[field.type_code]
    return "other" if field.charsetnr == _BINARY else "text"


def _value(text: str | bytes, type_code: int) -> Any:
    said = text.decode() if isinstance(text, bytes) else text
    kind = _KINDS.get(type_code, "text")
    if kind in {"whole", "decimal"}:
        return int(said)
    if kind in {"instant", "local"}:
        found = datetime.fromisoformat(said)
        return found.replace(tzinfo=UTC) if kind == "instant" else found
    return datetime.strptime(said, "%Y-%m-%d").date() if kind == "date" else said  # noqa: DTZ007 - a date has no zone
