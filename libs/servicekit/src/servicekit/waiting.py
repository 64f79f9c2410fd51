"""Starting before the server that a start needs."""

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["attempt_until"]

_Result = TypeVar("_Result")
_Failure = TypeVar("_Failure", bound=Exception)


def attempt_until(
    attempt: Callable[[], _Result],
    *,
    failure: type[_Failure],
    seconds: float,
    pause: float,
    waiting: Callable[[_Failure], None],
) -> _Result:
    """Calls `attempt` until it gives a result; every `failure` within `seconds` is told to `waiting`, the one after them is raised.

    Between two attempts pass `pause` seconds. Any other error is raised at once.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except failure as error:
            if time.monotonic() >= deadline:
                raise
            waiting(error)
            time.sleep(pause)
