"""Keeps one part running: wait for its needs, start, probe, watch, end, back off, again."""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import psutil

from localstack.backoff import Backoff
from localstack.errors import NotReadyError, SetupError
from localstack.layout import Layout
from localstack.part import Launch, Part
from localstack.portcheck import refuse_taken
from localstack.process import MARK, Identity, end, kin, marked, process_table, spawn
from localstack.state import PartState, PartStatus, Record, read_record

_LOG = logging.getLogger("localstack.runner")
_TICK_SECONDS = 0.25
_MEMORY_EVERY_SECONDS = 2.0
_BLOCKED_RETRY_SECONDS = 10.0
_LOG_LIMIT_BYTES = 20 * 2**20


class PartRunner(threading.Thread):
    """One thread that owns one part."""

    def __init__(
        self, part: Part, layout: Layout, mark: str, ready: Callable[[str], bool], changed: Callable[[], None]
    ) -> None:
        super().__init__(name=part.name, daemon=True)
        self.part = part
        self.status = PartStatus(
            part.name,
            part.title,
            metrics_url=part.metrics_url,
            metrics_kind=part.metrics_kind or part.name,
        )
        self._layout = layout
        self._mark = f"{mark}:{part.name}"
        self._ready = ready
        self._changed = changed
        self._leave = threading.Event()
        self._backoff = Backoff()
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: Identity | None = None

    def run(self) -> None:
        """Until `leave` is called: keep the part running. Never raises."""
        if not self.part.installed:
            self._set(PartState.MISSING, "its package offers no program yet")
            return
        while not self._leave.is_set():
            try:
                self._one_life()
            except SetupError as error:
                self._end_all()
                self._set(PartState.BLOCKED, str(error))
                self._leave.wait(_BLOCKED_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - a fault of one part must not end its watch
                self._end_all()
                self._set(PartState.BACKOFF, f"{type(error).__name__}: {error}")
                self._leave.wait(self._backoff.next_wait(ran_for=0.0))

    def leave(self) -> None:
        """Stop watching; the part itself goes on."""
        self._leave.set()

    def stop_part(self) -> None:
        """End the part and all its descendants."""
        self._end_all()
        self._layout.record_file(self.part.name).unlink(missing_ok=True)
        self._set(PartState.STOPPED, "")

    def _one_life(self) -> None:
        if not self._wait_for_needs():
            return
        launch = self.part.launch()
        if not self._adopt(launch):
            self._start(launch)
        reason = self._until_ready() or self._watch()
        if self._leave.is_set():
            return
        ran_for = time.time() - self.status.ready_at if self.status.ready_at else 0.0
        wait = self._backoff.next_wait(ran_for=ran_for)
        self._set(PartState.BACKOFF, reason)
        self._end_all()
        self.status.restarts += 1
        self._leave.wait(wait)

    def _wait_for_needs(self) -> bool:
        while not self._leave.is_set():
            missing = [name for name in self.part.needs if not self._ready(name)]
            if not missing:
                return True
            self._set(PartState.WAITING, f"waits for {', '.join(missing)}")
            self._leave.wait(_TICK_SECONDS)
        return False

    def _adopt(self, launch: Launch) -> bool:
        record = read_record(self._layout.record_file(self.part.name))
        if record is None or not record.identity.alive():
            return False
        if record.fingerprint != launch.fingerprint():
            return False
        self._process, self._identity = None, record.identity
        self.status.adopted = True
        self._note_started(record)
        return True

    def _start(self, launch: Launch) -> None:
        self._set(PartState.STARTING, "")
        self._end_all()
        self.part.clear()
        refuse_taken(self.part.ports, self.part.name)
        log = self._layout.log_file(self.part.name)
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        env = {**launch.env, MARK: self._mark}
        self._process = spawn(launch.argv, env, launch.cwd, log)
        identity = Identity.of(self._process.pid)
        if identity is None:
            raise NotReadyError("ended at once")
        self._identity = identity
        self.status.adopted = False
        record = Record(identity, launch.fingerprint(), time.time())
        record.write(self._layout.record_file(self.part.name))
        self._note_started(record)

    def _note_started(self, record: Record) -> None:
        self.status.pid = record.identity.pid
        self.status.started_at = record.started_at
        self.status.ready_at = None
        self._set(PartState.STARTING, "")

    def _until_ready(self) -> str | None:
        """Reason why the part did not become ready, or None when it did."""
        begin = time.monotonic()
        while not self._leave.is_set():
            dead = self._death()
            if dead:
                return dead
            try:
                self.part.probe()
                self._set_up()
            except NotReadyError as error:
                self._set(PartState.STARTING, str(error))
            else:
                self._set_ready()
                return None
            if time.monotonic() - begin > self.part.start_seconds:
                return f"not ready within {self.part.start_seconds:.0f} s: {self.status.detail}"
            self._leave.wait(_TICK_SECONDS)
        return "left"

    def _set_up(self) -> None:
        path = self._layout.record_file(self.part.name)
        record = read_record(path)
        if record is None or not record.set_up or self.part.setup_again:
            self.part.setup()
        if record is not None and not record.set_up:
            replace(record, set_up=True).write(path)

    def _set_ready(self) -> None:
        self.status.ready_at = time.time()
        self._set(PartState.READY, "")

    def _watch(self) -> str:
        """Returns the reason when the part is dead, hangs or took too much memory."""
        failures = 0
        next_probe = time.monotonic() + self.part.probe_every
        next_memory = 0.0
        while not self._leave.wait(_TICK_SECONDS):
            now = time.monotonic()
            dead = self._death()
            if dead:
                return dead
            if self.part.memory_limit is not None and now >= next_memory:
                next_memory = now + _MEMORY_EVERY_SECONDS
                used = _resident(self._identity)
                if used > self.part.memory_limit:
                    return f"took {used >> 20} MiB of memory, the limit is {self.part.memory_limit >> 20} MiB"
            if now < next_probe:
                continue
            try:
                self.part.probe()
            except NotReadyError as error:
                failures += 1
                self._set(PartState.UNHEALTHY, str(error))
                if failures >= self.part.tolerated_failures:
                    return f"did not answer {failures} times: {error}"
                next_probe = now + 1.0
            else:
                if failures:
                    self._set(PartState.READY, "")
                failures = 0
                next_probe = time.monotonic() + self.part.probe_every
        return "left"

    def _death(self) -> str | None:
        if self._process is not None:
            code = self._process.poll()
            if code is not None:
                return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
            return None
        if self._identity is not None and self._identity.alive():
            return None
        return "ended"

    def _end_all(self) -> None:
        """End what runs for this part: the leader first, then whatever belongs to it and is left."""
        record = read_record(self._layout.record_file(self.part.name))
        roots = {identity for identity in (self._identity, record and record.identity) if identity}
        first = signal.SIGINT if self.part.interrupt_to_stop else signal.SIGTERM
        before = self._belonging(roots)
        end([root for root in roots if root.alive()], seconds=self.part.stop_seconds, first_signal=first)
        end(before | self._belonging(roots), seconds=3.0)
        if self._process is not None:
            self._process.wait(10)
        self._process, self._identity = None, None
        self.status.pid = None

    def _belonging(self, roots: set[Identity]) -> set[Identity]:
        table = process_table()
        found = {identity for mark, identity in marked(self._mark, table) if mark == self._mark}
        for root in roots:
            found |= kin(root, table)
        return {identity for identity in found if identity.pid != os.getpid()}

    def _set(self, state: PartState, detail: str) -> None:
        if (self.status.state, self.status.detail) != (state, detail):
            if self.status.state is not state:
                _LOG.info("%s: %s %s", self.part.name, state.value, detail)
            self.status.state, self.status.detail = state, detail
            self._changed()


def _resident(identity: Identity | None) -> int:
    """Resident memory of a process in bytes; 0 when it is gone."""
    if identity is None:
        return 0
    try:
        return int(psutil.Process(identity.pid).memory_info().rss)
    except psutil.Error:
        return 0
