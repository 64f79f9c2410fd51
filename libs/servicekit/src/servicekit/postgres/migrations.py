"""Applies numbered SQL files once each, in order, under a lock."""

import re
import zlib
from importlib.resources.abc import Traversable

import psycopg

from servicekit.postgres.pool import connection_info
from servicekit.settings import PostgresSettings
from servicekit.telemetry import get_logger
from servicekit.waiting import attempt_until

__all__ = ["migrate"]

_log = get_logger(__name__)

LOCK_SECONDS = 120
PAUSE_SECONDS = 2.0
STATEMENT_SECONDS = 600
_FILE_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY,
    apply_time timestamptz NOT NULL DEFAULT now()
)
"""


def _files(folder: Traversable) -> list[Traversable]:
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=_name)
    numbers = [_name(entry)[:4] for entry in found]
    for entry in found:
        if not _FILE_NAME.fullmatch(entry.name):
            raise ValueError(f"The migration {entry.name} is not named NNNN_name.sql.")
        if numbers.count(entry.name[:4]) > 1:
            raise ValueError(f"Two migrations have the number {entry.name[:4]}.")
    return found


def _name(entry: Traversable) -> str:
    return entry.name


def migrate(settings: PostgresSettings, folder: Traversable) -> list[str]:
    """Applies the files `NNNN_name.sql` of `folder` that have not been applied, and returns their names.

    Safe to run from several processes at once and any number of times. Each file is one transaction. Where the server
    does not answer, or does not know the role or the database yet, this waits for `settings.wait_seconds`.

    Raises:
        ValueError: a file is named otherwise, or two have one number.
        psycopg.Error: the server does not answer in time, another process holds the lock for two minutes, or a file fails,
            with a note that names it; the files before it stay applied.
    """
    files = _files(folder)
    applied: list[str] = []
    with _connect(settings) as connection:
        connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
        connection.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
        lock = zlib.crc32(f"migrate:{settings.database}".encode())
        connection.execute("SELECT pg_advisory_lock(%s)", [lock])
        connection.execute(_TABLE)
        known = {row[0] for row in connection.execute("SELECT name FROM schema_migrations").fetchall()}
        for file in files:
            if file.name not in known:
                _apply(connection, file)
                applied.append(file.name)
    return applied


def _connect(settings: PostgresSettings) -> psycopg.Connection:
    def waiting(error: psycopg.OperationalError) -> None:
        _log.warning(
            "waiting for PostgreSQL",
            host=settings.host,
            port=settings.port,
            database=settings.database,
            cause=str(error).strip(),
        )

    return attempt_until(
        lambda: psycopg.connect(connection_info(settings), autocommit=True),
        failure=psycopg.OperationalError,
        seconds=settings.wait_seconds,
        pause=PAUSE_SECONDS,
        waiting=waiting,
    )


def _apply(connection: psycopg.Connection, file: Traversable) -> None:
    try:
        with connection.transaction():
            connection.execute(file.read_bytes())
            connection.execute("INSERT INTO schema_migrations (name) VALUES (%s)", [file.name])
    except psycopg.Error as error:
        error.add_note(f"in the migration {file.name}")
        raise
