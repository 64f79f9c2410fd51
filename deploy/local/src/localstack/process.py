"""Processes by pid *and* start time, and everything that belongs to them.

A pid alone may belong to somebody else by the time we look again. What a part started is found in three ways, since
each has its gap: descendants (lost when a parent dies), the part's session (lost by `setsid`), and a random mark in
the environment (lost by programs that overwrite it with their title).
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "LUMBUNG_STACK_PART"
_DEAD = frozenset("ZX")
_PROC = Path("/proc")


@dataclass(frozen=True)
class Identity:
    """A process that cannot be mistaken for a later one with the same pid; `start` is in clock ticks since boot."""

    pid: int
    start: int

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Identity of a running pid, or None."""
        entry = _entry(pid)
        return None if entry is None else entry.identity

    def alive(self) -> bool:
        """Whether exactly this process still runs (a zombie does not)."""
        entry = _entry(self.pid)
        return entry is not None and entry.identity == self

    def send(self, number: int) -> None:
        """Send a signal if it is still the same process."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)


@dataclass(frozen=True)
class Entry:
    """A line of the process table."""

    identity: Identity
    parent: int
    session: int


def process_table() -> dict[int, Entry]:
    """Every running process by pid."""
    pids = (int(path.name) for path in _PROC.iterdir() if path.name.isdecimal())
    return {pid: entry for pid in pids if (entry := _entry(pid)) is not None}


def kin(root: Identity, table: dict[int, Entry]) -> set[Identity]:
    """A process with its descendants and the members of its session.

    The session is searched even when the process itself is gone: its number is not given away while a member lives.
    """
    children: dict[int, list[int]] = {}
    for pid, entry in table.items():
        children.setdefault(entry.parent, []).append(pid)
    present = table.get(root.pid)
    reused = present is not None and present.identity != root
    found = set() if reused else {pid for pid, entry in table.items() if entry.session == root.pid}
    found = {pid for pid in found if table[pid].identity.start >= root.start}
    if present is not None and not reused:
        found.add(root.pid)
    todo = list(found)
    while todo:
        for child in children.get(todo.pop(), []):
            if child not in found:
                found.add(child)
                todo.append(child)
    return {table[pid].identity for pid in found}


def marked(prefix: str, table: dict[int, Entry]) -> Iterator[tuple[str, Identity]]:
    """Every running process whose mark starts with `prefix`, as (mark, identity)."""
    wanted = f"{MARK}={prefix}".encode()
    for pid, entry in table.items():
        try:
            variables = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for variable in variables:
            if variable.startswith(wanted):
                yield variable.decode().partition("=")[2], entry.identity
                break


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


def spawn_orphan(argv: tuple[str, ...], env: dict[str, str], cwd: Path, log: Path) -> None:
    """Start a program that is nobody's child, so that ending its starter's family does not end it."""
    middle = os.fork()
    if middle == 0:
        # No Python clean-up in the copy of our process, whatever happens.
        try:
            spawn(argv, env, cwd, log)
        finally:
            os._exit(0)
    os.waitpid(middle, 0)


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


def _entry(pid: int) -> Entry | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name in parentheses may hold anything; the fields are counted after it, from field 3 (state) on.
    fields = text.rpartition(")")[2].split()
    if not fields or fields[0] in _DEAD:
        return None
    return Entry(Identity(pid, int(fields[19])), parent=int(fields[1]), session=int(fields[3]))
