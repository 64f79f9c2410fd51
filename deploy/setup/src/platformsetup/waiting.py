"""Trying until a server is ready, and saying all the while what is waited for."""

import sys
import time
from collections.abc import Callable

from platformsetup.errors import NotReadyError

__all__ = ["wait_until"]

_PAUSE_SECONDS = 1.0
_SAY_EVERY_SECONDS = 15.0


def wait_until(what: str, attempt: Callable[[], None], *, seconds: float) -> None:
    """Calls `attempt` until it raises no NotReadyError.

    Writes a line to standard error when the reason changes, and every 15 seconds. After `seconds` the last reason
    becomes a NotReadyError that also names `what`.
    """
    begin = time.monotonic()
    said, said_at = "", begin
    while True:
        try:
            attempt()
        except NotReadyError as error:
            reason, now = str(error), time.monotonic()
            if now - begin >= seconds:
                raise NotReadyError(f"{what} was not ready within {seconds:.0f} s: {reason}") from error
            if reason != said or now - said_at >= _SAY_EVERY_SECONDS:
                sys.stderr.write(f"waiting for {what} ({now - begin:.0f} of {seconds:.0f} s): {reason}\n")
                sys.stderr.flush()
                said, said_at = reason, now
            time.sleep(min(_PAUSE_SECONDS, seconds))
        else:
            return
