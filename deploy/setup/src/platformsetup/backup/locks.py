"""One at a time, by an advisory lock of PostgreSQL."""

import psycopg

from platformsetup.backup.errors import BackupError
from servicekit.errors import Text

__all__ = ["take_lock"]


def take_lock(connection: psycopg.Connection[tuple[object, ...]], key: int, taken: Text) -> None:
    """Takes the lock, which goes with the connection at the latest; BackupError with `taken` when another has it."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
    if row is None or not row[0]:
        raise BackupError(taken)
