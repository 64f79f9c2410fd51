"""Transactions, their locks, and what to say when the database does not answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from servicekit.errors import Text, UnavailableError

__all__ = ["AUDIT_LOCK", "CHANGE_LOCK", "Connection", "Pool", "lock", "transaction"]

Connection: TypeAlias = AsyncConnection[DictRow]
Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[DictRow]]

CHANGE_LOCK = 0x6C756D01
AUDIT_LOCK = 0x6C756D02


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """One transaction on a connection of the pool.

    Raises:
        UnavailableError: the database cannot be reached or ended the transaction.
    """
    try:
        async with pool.connection() as connection, connection.transaction():
            yield connection
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise UnavailableError(
            Text(
                en="The catalog's database does not answer.",
                id="Basis data katalog tidak menjawab.",
            ),
            Text(en="Try again in a moment.", id="Coba lagi sebentar."),
            retry_after_seconds=2.0,
            reason="DATABASE_UNAVAILABLE",
        ) from error


async def lock(connection: Connection, number: int) -> None:
    """Waits for an advisory lock that the transaction then holds to its end."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", [number])
