"""Transactions, their locks, and what to say when the database does not answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from servicekit.postgres import outages

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
    with outages():
        async with pool.connection() as connection, connection.transaction():
            yield connection


async def lock(connection: Connection, number: int) -> None:
    """Waits for an advisory lock that the transaction then holds to its end."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", [number])
