"""Turns the many ways in which PostgreSQL and S3 can be away into the two errors that callers try again after."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy.exc

from lake.errors import MetadataUnavailableError, StoreError
from servicekit.errors import Text

__all__ = ["outages"]

_DATABASE = (
    psycopg.OperationalError,  # the pool's own time-out is one
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
_RETRY_SECONDS = 2.0


@contextmanager
def outages() -> Iterator[None]:
    """What pyiceberg and the drivers raise inside, as errors of the lake; also usable as a decorator.

    Raises:
        MetadataUnavailableError: PostgreSQL does not answer, or ended the connection.
        StoreError: the object store does not answer.
    """
    try:
        yield
    except _DATABASE as error:
        raise MetadataUnavailableError(
            Text(
                id=f"Basis data metadata tabel tidak menjawab: {_first_line(error)}.",
                en=f"The database of the tables' metadata does not answer: {_first_line(error)}.",
            ),
            Text(id="Coba lagi sebentar.", en="Try again in a moment."),
            retry_after_seconds=_RETRY_SECONDS,
        ) from error
    except FileNotFoundError:
        # An object that should be there is not: no repetition brings it back.
        raise
    except OSError as error:
        raise StoreError(
            Text(
                id=f"Penyimpanan objek tidak menjawab: {_first_line(error)}.",
                en=f"The object store does not answer: {_first_line(error)}.",
            ),
            Text(id="Periksa apakah layanan S3 berjalan.", en="Check that the S3 service is running."),
            retry_after_seconds=_RETRY_SECONDS,
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
