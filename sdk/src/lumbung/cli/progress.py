"""Shows on a terminal that something goes on."""

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Self

__all__ = ["Progress"]

FIRST_SECONDS = 1.0
EVERY_SECONDS = 0.25


class Progress:
    """A line on standard error that changes in place, from the second second on; silent where there is no terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._state = ""
        self._begun = time.monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def update(self, done: float, total: float, note: str = "") -> None:
        """Says how far it is."""
        self._state = f"{100 * done / total:5.1f}% {note}" if total else note

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._thread = threading.Thread(target=self._show, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _show(self) -> None:
        pause = FIRST_SECONDS
        drawn = False
        while not self._over.wait(pause):
            pause = EVERY_SECONDS
            seconds = time.monotonic() - self._begun
            line = f"{self._label} {self._state} {seconds:.0f} s"[: shutil.get_terminal_size().columns - 1]
            sys.stderr.write(f"\r{line}\033[K")
            sys.stderr.flush()
            drawn = True
        if drawn:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
