"""Operations that call more than once: again after an outage, page by page, until something is done."""

import time
from collections.abc import Callable
from typing import Any

from lumbung.calls import Call, Operation, Pause
from lumbung.errors import ApiError

__all__ = ["RETRYABLE", "collect", "delay", "poll", "retrying"]

RETRYABLE = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED"})
ATTEMPTS = 6
POLL_ATTEMPTS = 12
PAGE_SIZE = 1000
FIRST_POLL_SECONDS = 0.2
LAST_POLL_SECONDS = 2.0
LONGEST_DELAY_SECONDS = 5.0


def delay(failures: int, error: ApiError | None = None) -> Pause:
    """How long to wait after so many failures; at least as long as the platform asks for, within reason."""
    asked = error.retry_after_seconds if error is not None else None
    return Pause(min(max(0.2 * 2**failures, asked or 0.0), LONGEST_DELAY_SECONDS))


def retrying(call: Call, attempts: int = ATTEMPTS) -> Operation[Any]:
    """Calls again while the platform does not answer. Only for what is the same however often it is sent."""
    failures = 0
    while True:
        try:
            return (yield call)
        except ApiError as error:
            failures += 1
            if error.code not in RETRYABLE or failures >= attempts:
                raise
            yield delay(failures, error)


def collect(page: Callable[[int, str], Call], field: str, limit: int | None = None) -> Operation[list[Any]]:
    """Entries of a list, page by page, at most `limit`. `page(size, token)` makes the call of one page."""
    found: list[Any] = []
    token = ""
    while limit is None or len(found) < limit:
        size = PAGE_SIZE if limit is None else min(limit - len(found), PAGE_SIZE)
        answer = yield page(size, token)
        found.extend(getattr(answer, field))
        token = answer.next_page_token
        if not token:
            break
    return found[:limit]


def poll(
    call: Call,
    done: Callable[[Any], bool],
    timeout_seconds: float,
    slow: Callable[[], ApiError],
    progress: Callable[[Any], None] | None = None,
) -> Operation[Any]:
    """Calls until `done`, through short outages; raises `slow()` when it takes longer than `timeout_seconds`."""
    deadline = time.monotonic() + timeout_seconds
    pause = FIRST_POLL_SECONDS
    while True:
        found = yield from retrying(call, POLL_ATTEMPTS)
        if progress is not None:
            progress(found)
        if done(found):
            return found
        left = deadline - time.monotonic()
        if left <= 0:
            raise slow()
        yield Pause(min(pause, left))
        pause = min(pause * 1.25, LAST_POLL_SECONDS)
