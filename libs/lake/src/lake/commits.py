"""The writer lock of a table and the memory of its commits, in PostgreSQL."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from lake.errors import CommitConflictError
from lake.schema import TableId
from servicekit.errors import Text


@dataclass(frozen=True)
class CommitResult:
    """What a commit made. `repeated` is True when the run had been committed before and nothing was done now.

    `rows_total` are the table's rows after it; `mode` is append or overwrite; `commit_time` is UTC.
    """

    table: TableId
    run_id: str
    snapshot_id: int
    sequence: int
    mode: str
    rows_added: int
    rows_total: int
    bytes_added: int
    controls: Mapping[str, str]
    properties: Mapping[str, str]
    commit_time: datetime
    repeated: bool = False


@dataclass(frozen=True)
class _Row:
    table_name: str
    run_id: str
    snapshot_id: int
    sequence: int
    mode: str
    rows_added: int
    rows_total: int
    bytes_added: int
    controls: dict[str, str]
    properties: dict[str, str]
    commit_time: datetime

    def result(self) -> CommitResult:
        return CommitResult(
            TableId.of(self.table_name),
            self.run_id,
            self.snapshot_id,
            self.sequence,
            self.mode,
            self.rows_added,
            self.rows_total,
            self.bytes_added,
            self.controls,
            self.properties,
            self.commit_time,
        )


_COLUMNS = (
    "table_name, run_id, snapshot_id, sequence, mode, rows_added, rows_total, bytes_added, controls, properties,"
    " commit_time"
)
_FIND = f"SELECT {_COLUMNS} FROM lake_commits WHERE table_uid = %s AND run_id = %s"  # noqa: S608 - constants
_NEWEST = f"""SELECT {_COLUMNS} FROM lake_commits
WHERE table_uid = %s AND properties ->> %s = %s AND sequence < %s ORDER BY sequence DESC LIMIT 1"""  # noqa: S608
_ADD = f"""INSERT INTO lake_commits (table_uid, {_COLUMNS})
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (table_uid, run_id) DO NOTHING"""  # noqa: S608


class CommitLog:
    """Commits by table and run."""

    def __init__(self, pool: ConnectionPool, lock_timeout_seconds: float, lock_idle_seconds: float) -> None:
        self._pool = pool
        self._timeout, self._idle = lock_timeout_seconds, lock_idle_seconds

    def find(self, table_uid: UUID, run_id: str) -> CommitResult | None:
        """The recorded commit of a run, or None."""
        with self._pool.connection(timeout=self._timeout) as connection:
            return find_commit(connection, table_uid, run_id)

    def newest(self, table_uid: UUID, name: str, value: str, *, before: int) -> CommitResult | None:
        """The newest recorded commit below a sequence number whose property `name` has this value, or None."""
        with self._pool.connection(timeout=self._timeout) as connection:
            return newest_commit(connection, table_uid, name, value, before)

    @contextmanager
    def locked(self, table: TableId, table_uid: UUID) -> Iterator["LockedLog"]:
        """Hold the table's writer lock; what is recorded inside becomes durable as the lock is given back.

        The lock lives in the transaction: a writer that dies gives it back. CommitConflictError when it does not
        come in time.
        """
        with self._holding(f"lake:{table_uid}", f"table {table}", f"Tabel {table}") as connection:
            yield LockedLog(connection, table_uid)

    @contextmanager
    def exclusively(self, task: str) -> Iterator[None]:
        """Hold the lock of a task of this name; as for `locked`."""
        with self._holding(f"lake task:{task}", task, f"Tugas {task}"):
            yield

    @contextmanager
    def _holding(self, key: str, what: str, what_id: str) -> Iterator[psycopg.Connection]:
        with self._pool.connection(timeout=self._timeout) as connection, connection.transaction():
            try:
                limit = f"{int(self._timeout * 1000)}ms"
                connection.execute("SELECT set_config('lock_timeout', %s, true)", [limit])
                connection.execute("SELECT set_config('statement_timeout', '0', true)")
                # A frozen process neither goes on nor dies: the server takes the lock from it.
                idle = f"{int(self._idle * 1000)}ms"
                connection.execute(
                    "SELECT set_config('idle_in_transaction_session_timeout', %s, true)", [idle]
                )
                connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
            except psycopg.errors.LockNotAvailable as error:
                raise CommitConflictError(
                    Text(
                        id=f"{what_id} dikunci penulis lain lebih dari {self._timeout:g} detik.",
                        en=f"Another writer has held {what} for more than {self._timeout:g} seconds.",
                    ),
                    Text(id="Ulangi dengan run_id yang sama.", en="Try again with the same run_id."),
                    retry_after_seconds=5,
                ) from error
            yield connection


class LockedLog:
    """The log of one table, while its writer lock is held."""

    def __init__(self, connection: psycopg.Connection, table_uid: UUID) -> None:
        self._connection = connection
        self._table_uid = table_uid

    def find(self, run_id: str) -> CommitResult | None:
        """The recorded commit of a run, or None."""
        return find_commit(self._connection, self._table_uid, run_id)

    def newest(self, name: str, value: str, *, before: int) -> CommitResult | None:
        """As `CommitLog.newest`."""
        return newest_commit(self._connection, self._table_uid, name, value, before)

    def add(self, result: CommitResult) -> None:
        """Record a commit; nothing happens when it is recorded already."""
        self._connection.execute(
            _ADD,
            [
                self._table_uid,
                str(result.table),
                result.run_id,
                result.snapshot_id,
                result.sequence,
                result.mode,
                result.rows_added,
                result.rows_total,
                result.bytes_added,
                json.dumps(dict(result.controls)),
                json.dumps(dict(result.properties)),
                result.commit_time,
            ],
        )


def find_commit(connection: psycopg.Connection, table_uid: UUID, run_id: str) -> CommitResult | None:
    """The recorded commit of a run, marked as repeated, or None."""
    with connection.cursor(row_factory=class_row(_Row)) as cursor:
        row = cursor.execute(_FIND, [table_uid, run_id]).fetchone()
    return replace(row.result(), repeated=True) if row else None


def newest_commit(
    connection: psycopg.Connection, table_uid: UUID, name: str, value: str, before: int
) -> CommitResult | None:
    """See `CommitLog.newest`."""
    with connection.cursor(row_factory=class_row(_Row)) as cursor:
        row = cursor.execute(_NEWEST, [table_uid, name, value, before]).fetchone()
    return replace(row.result(), repeated=True) if row else None
