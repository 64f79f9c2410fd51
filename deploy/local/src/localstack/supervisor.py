"""The background process that keeps the wanted parts running and writes their state.

SIGTERM ends everything. SIGUSR1 hands over: this process leaves, the parts go on and the next supervisor adopts them.
"""

import contextlib
import fcntl
import json
import logging
import os
import signal
import threading
import time
from pathlib import Path

from localstack.census import SUPERVISOR, census
from localstack.layout import Layout
from localstack.part import Part, closure
from localstack.plan import plan_parts
from localstack.process import Identity, end
from localstack.runner import PartRunner
from localstack.settings import StackSettings, load_settings
from localstack.state import PartState, StackState, read_state
from localstack.vault import Vault

_LOG = logging.getLogger("localstack.supervisor")
_WRITE_EVERY_SECONDS = 2.0


class Supervisor:
    """Runs one thread per part and writes `run/state.json` when something changes."""

    def __init__(self, settings: StackSettings, parts: dict[str, Part], wanted: tuple[str, ...]) -> None:
        self._layout = Layout(settings.data_dir)
        self._mark = Vault(self._layout.secrets).read("stack-mark")
        self._changed = threading.Event()
        self._finish = threading.Event()
        self._end_parts = False
        names = closure(parts, wanted)
        self._runners = {name: self._runner(parts[name]) for name in names}
        for name, before in read_state(self._layout.state_file).parts.items():
            if name in self._runners:
                self._runners[name].status.restarts = before.restarts
        identity = Identity.of(os.getpid())
        statuses = {name: runner.status for name, runner in self._runners.items()}
        self._state = StackState(identity, time.time(), statuses)

    def run(self) -> None:
        """Until a signal asks to leave."""
        signal.signal(signal.SIGTERM, lambda *_: self._leave(end_parts=True))
        signal.signal(signal.SIGINT, lambda *_: self._leave(end_parts=True))
        signal.signal(signal.SIGUSR1, lambda *_: self._leave(end_parts=False))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._end_strangers()
        for runner in self._runners.values():
            runner.start()
        while not self._finish.is_set():
            self._state.write(self._layout.state_file)
            self._changed.wait(_WRITE_EVERY_SECONDS)
            self._changed.clear()
        for runner in self._runners.values():
            runner.leave()
        if self._end_parts:
            self._stop_parts()
        self._state.supervisor = None
        self._state.write(self._layout.state_file)

    def _runner(self, part: Part) -> PartRunner:
        return PartRunner(part, self._layout, self._mark, self._is_ready, self._changed.set)

    def _is_ready(self, name: str) -> bool:
        return self._runners[name].status.state in (PartState.READY, PartState.UNHEALTHY)

    def _leave(self, *, end_parts: bool) -> None:
        self._end_parts = end_parts
        self._finish.set()
        self._changed.set()

    def _end_strangers(self) -> None:
        """End parts of an earlier supervisor that are not wanted any more."""
        strangers = {
            identity: name
            for identity, name in census(self._layout).items()
            if name not in self._runners and name != SUPERVISOR
        }
        end(strangers, seconds=10.0)
        for name in set(strangers.values()):
            self._layout.record_file(name).unlink(missing_ok=True)

    def _stop_parts(self) -> None:
        """End the parts in waves: what needs others goes first, what nobody needs any more goes together."""
        left = dict(self._runners)
        while left:
            needed = {need for runner in left.values() for need in runner.part.needs}
            wave = [runner for name, runner in left.items() if name not in needed]
            threads = [threading.Thread(target=_stop, args=(runner,)) for runner in wave]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for runner in wave:
                del left[runner.part.name]
            self._state.write(self._layout.state_file)


def _stop(runner: PartRunner) -> None:
    runner.join(30)
    runner.stop_part()


def hold_lock(path: Path) -> int | None:
    """Take the supervisor's lock for the life of this process; None when another one holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor
    os.close(descriptor)
    return None


def main() -> None:
    """Run the supervisor of the stack that the environment names."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = load_settings()
    layout = Layout(settings.data_dir)
    layout.create()
    deadline = time.monotonic() + 10.0
    while hold_lock(layout.supervisor_lock) is None:
        if time.monotonic() > deadline:
            _LOG.info("another supervisor runs already")
            return
        time.sleep(0.1)
    Vault(layout.secrets).ensure()
    wanted = tuple(json.loads(layout.wanted_file.read_text()))
    Supervisor(settings, plan_parts(settings), wanted).run()


if __name__ == "__main__":
    main()
