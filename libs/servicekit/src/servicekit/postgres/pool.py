"""Connections."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import AsyncConnection, OperationalError
from psycopg.conninfo import make_conninfo
from psycopg.errors import DiskFull
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from servicekit.errors import Text, UnavailableError
from servicekit.settings import PostgresSettings

__all__ = ["connection_info", "open_pool", "outages", "unavailable"]

STATEMENT_TIMEOUT_MS = 30_000
OPEN_SECONDS = 30.0
WAIT_SECONDS = 10.0


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
        psycopg_pool.PoolTimeout: the server does not answer within 30 seconds; nothing is left open.
    """
    options: dict[str, Any] = {"row_factory": dict_row}
    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        connection_info(settings),
        min_size=1,
        max_size=settings.pool_max,
        timeout=WAIT_SECONDS,
        kwargs=options,
        open=False,
        check=AsyncConnectionPool.check_connection,
    )
    try:
        await pool.open(wait=True, timeout=OPEN_SECONDS)
    except BaseException:
        await pool.close()
        raise
    return pool


def unavailable(error: Exception) -> UnavailableError | None:
    """What a caller is told when the database does not serve now; nothing for any other error."""
    if not isinstance(error, OperationalError):
        return None
    if isinstance(error, DiskFull):
        return UnavailableError(
            Text(
                en="The disk of this service's database is full.", id="Cakram basis data layanan ini penuh."
            ),
            Text(
                en="Nothing was written. Tell the platform team, and try again when there is room.",
                id="Tidak ada yang ditulis. Beri tahu tim platform, lalu coba lagi setelah ada ruang.",
            ),
            retry_after_seconds=60.0,
            reason="DATABASE_FULL",
        )
    return UnavailableError(
        Text(en="The database of this service does not answer.", id="Basis data layanan ini tidak menjawab."),
        Text(en="Try again in a moment.", id="Coba lagi sebentar."),
        retry_after_seconds=2.0,
        reason="DATABASE_UNAVAILABLE",
    )


@contextmanager
def outages() -> Iterator[None]:
    """What psycopg raises inside because the server is away, as an error that callers try again after.

    Raises:
        UnavailableError: the database cannot be reached or ended the work.
    """
    try:
        yield
    except OperationalError as error:
        raise unavailable(error) or error from error
