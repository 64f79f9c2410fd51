"""Rows that come late: what transactions that are still open may yet write below what has been read."""

import time
from collections.abc import Callable

from ingest_service.extract.database import Database
from ingest_service.extract.positions import Held, Mark, Position, Value

__all__ = ["settle"]

_PAUSE_SECONDS = 0.05


def settle(
    database: Database, highest: Callable[[], Value | None], before: Position | None, seconds: float
) -> tuple[Value | None, Held | None]:
    """The highest value by now, once every transaction that was open then has ended, and what is held otherwise.

    Waits `seconds` at most, and leaves the database in the snapshot to read in. A server that does not tell its
    transactions holds nothing: there the lag has to be longer than the longest of them.
    """
    value, horizon = highest(), database.horizon()
    if value is None or horizon is None:
        return value, None
    mark = Mark(value, horizon.next)
    deadline = time.monotonic() + seconds
    while horizon.oldest < mark.next and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)
        database.renew()
        horizon = database.horizon() or horizon
    if horizon.oldest >= mark.next:
        return value, None
    known = before.held if before is not None else None
    if known is None:
        # The run before had seen every transaction to its end, so that none open now is older than it.
        return value, Held(before.value if before is not None else None, mark)
    if known.mark.next <= horizon.oldest:
        return value, Held(known.mark.value, mark)
    return value, known
