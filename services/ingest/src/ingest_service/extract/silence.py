"""Ends a reading whose source has gone quiet: a connection that a firewall forgot stays open for ever."""

import threading
import time
from collections.abc import Callable

__all__ = ["Listener"]

_LOOK_SECONDS = 0.5


class Listener:
    """Calls `give_up` once nothing was heard for `seconds`."""

    def __init__(self, seconds: float, give_up: Callable[[], None]) -> None:
        self._seconds, self._give_up = seconds, give_up
        self._heard = time.monotonic()

    def start(self) -> None:
        """Begins to listen, beside whatever the process does."""
        threading.Thread(target=self._listen, daemon=True).start()

    def heard(self) -> None:
        """The source has answered, or we have not asked it."""
        self._heard = time.monotonic()

    def _listen(self) -> None:
        while time.monotonic() - self._heard < self._seconds:
            time.sleep(_LOOK_SECONDS)
        self._give_up()
