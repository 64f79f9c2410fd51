"""What the supervisor knows about a part: how to start it, what it needs, how to see that it is ready."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localstack.errors import StackError


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Launch:
    """One program to run: arguments, whole environment, folder, and the files whose content shapes it."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    files: tuple[Path, ...] = ()
    stamp: str = ""

    def fingerprint(self) -> str:
        """Hash of everything that the program was started with; a change means a restart."""
        digest = hashlib.sha256()
        digest.update(json.dumps([self.argv, sorted(self.env.items()), str(self.cwd), self.stamp]).encode())
        for path in self.files:
            digest.update(path.read_bytes() if path.exists() else b"")
        return digest.hexdigest()


@dataclass(frozen=True)
class Part:
    """A program of the stack.

    `launch` prepares files and says what to run; `clear` removes what a crash left behind; `probe` raises
    NotReadyError until the part answers in its own protocol; `setup` runs once per start, when the probe passes
    for the first time. All of them may raise StackError for what the user has to mend. `metrics_kind` is a key of
    golden.SOURCES; empty: the part's name.
    """

    name: str
    title: str
    launch: Callable[[], Launch]
    probe: Callable[[], None]
    needs: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    setup: Callable[[], None] = _nothing
    setup_again: bool = True
    clear: Callable[[], None] = _nothing
    start_seconds: float = 120.0
    probe_every: float = 5.0
    tolerated_failures: int = 3
    stop_seconds: float = 15.0
    interrupt_to_stop: bool = False
    memory_limit: int | None = None
    metrics_url: str | None = None
    metrics_kind: str = ""
    installed: bool = True
    urls: Mapping[str, str] = field(default_factory=dict)


def closure(parts: Mapping[str, Part], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The wanted parts and all that they need, in an order in which needs come first.

    Raises StackError for an unknown name or a circle of needs.
    """
    ordered: list[str] = []
    open_names: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        if name not in parts:
            raise StackError(f"unknown part {name!r}; known parts: {', '.join(parts)}")
        if name in open_names:
            raise StackError(f"parts need each other in a circle: {' -> '.join([*open_names, name])}")
        open_names.append(name)
        for need in parts[name].needs:
            visit(need)
        open_names.pop()
        ordered.append(name)

    for name in wanted:
        visit(name)
    return tuple(ordered)
