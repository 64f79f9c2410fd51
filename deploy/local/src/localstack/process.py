"""Processes by pid *and* start time, and everything that descends from them.

A pid alone may belong to somebody else by the time we look again. Descendants are found by a random mark that the
stack puts into the environment of what it starts, which survives reparenting and new sessions.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "LUMBUNG_STACK_PART"


@dataclass(frozen=True)
class Identity:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    create_time: float

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Identity of a running pid, or None."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def alive(self) -> bool:
        """Whether exactly this process still runs (a zombie does not)."""
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.create_time and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def send(self, number: int) -> None:
        """Send a signal if it is still the same process."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)


def spawn(argv: tuple[str, ...], env: dict[str, str], cwd: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a program in its own session, with its output appended to `log`."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


def marked(prefix: str) -> Iterator[tuple[str, Identity]]:
    """Every running process whose mark starts with `prefix`, as (mark, identity)."""
    wanted = f"{MARK}={prefix}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for variable in variables:
            if variable.startswith(wanted):
                identity = Identity.of(int(entry.name))
                if identity is not None and identity.alive():
                    yield variable.decode().partition("=")[2], identity
                break


def family(root: Identity) -> list[Identity]:
    """A process and its present descendants."""
    if not root.alive():
        return []
    try:
        children = psutil.Process(root.pid).children(recursive=True)
    except psutil.Error:
        return [root]
    found = [root]
    for child in children:
        with contextlib.suppress(psutil.Error):
            found.append(Identity(child.pid, child.create_time()))
    return found


def end(identities: Iterable[Identity], *, seconds: float, first_signal: int = signal.SIGTERM) -> None:
    """Ask the processes to stop, and kill what is left after `seconds`."""
    targets = list(identities)
    for identity in targets:
        identity.send(first_signal)
    if not wait_gone(targets, seconds=seconds):
        for identity in targets:
            identity.send(signal.SIGKILL)
        wait_gone(targets, seconds=5.0)


def wait_gone(identities: Iterable[Identity], *, seconds: float) -> bool:
    """Wait until none of the processes runs; False when some still do."""
    targets = list(identities)
    deadline = time.monotonic() + seconds
    while any(identity.alive() for identity in targets):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
