"""Applies numbered SQL files once each, in order, under a lock."""

import zlib
from importlib.resources.abc import Traversable

import psycopg

from servicekit.postgres.pool import connection_info
from servicekit.settings import PostgresSettings

__all__ = ["migrate"]

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY,
    apply_time timestamptz NOT NULL DEFAULT now()
)
"""


def migrate(settings: PostgresSettings, folder: Traversable) -> list[str]:
    """Applies the files `NNNN_name.sql` of `folder` that have not been applied, and returns their names.

    Safe to run from several processes at once and any number of times. Each file is one transaction.
    """
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name
    )
    applied: list[str] = []
    with psycopg.connect(connection_info(settings)) as connection:
        lock = zlib.crc32(f"migrate:{settings.database}".encode())
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
        connection.execute(_TABLE)
        known = {row[0] for row in connection.execute("SELECT name FROM schema_migrations").fetchall()}
        for file in files:
            if file.name in known:
                continue
            connection.execute(file.read_bytes())
            connection.execute("INSERT INTO schema_migrations (name) VALUES (%s)", [file.name])
            applied.append(file.name)
    return applied
