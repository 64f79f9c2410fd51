"""Connections."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from servicekit.settings import PostgresSettings

__all__ = ["connection_info", "open_pool"]

STATEMENT_TIMEOUT_MS = 30_000


def connection_info(settings: PostgresSettings) -> str:
    """The libpq connection string of a database, password included: never log it."""
    return make_conninfo(
        host=settings.host,
        port=settings.port,
        dbname=settings.database,
        user=settings.user,
        password=settings.password.get_secret_value(),
        connect_timeout=5,
        application_name="lumbung",
        options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
    )


async def open_pool(settings: PostgresSettings) -> AsyncConnectionPool[AsyncConnection[DictRow]]:
    """Opens a pool whose connections give rows as dicts and are checked before use.

    Raises:
        psycopg_pool.PoolTimeout: the server does not answer within 30 seconds.
    """
    options: dict[str, Any] = {"row_factory": dict_row}
    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        connection_info(settings),
        min_size=1,
        max_size=settings.pool_max,
        kwargs=options,
        open=False,
        check=AsyncConnectionPool.check_connection,
    )
    await pool.open(wait=True, timeout=30.0)
    return pool
