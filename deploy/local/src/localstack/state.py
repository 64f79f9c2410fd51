"""State of the parts as the supervisor writes it and `status` reads it."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from localstack.layout import write_private
from localstack.process import Identity


class PartState(StrEnum):
    """Where a part is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    UNHEALTHY = "unhealthy"
    BACKOFF = "backoff"
    BLOCKED = "blocked"
    MISSING = "not installed"
    STOPPED = "stopped"


@dataclass
class PartStatus:
    """State of one part; times are seconds since the epoch, `detail` is the reason when it is not ready."""

    name: str
    title: str
    state: PartState = PartState.WAITING
    detail: str = ""
    pid: int | None = None
    restarts: int = 0
    adopted: bool = False
    started_at: float | None = None
    ready_at: float | None = None
    metrics_url: str | None = None
    metrics_kind: str = ""


@dataclass
class StackState:
    """State of the whole stack."""

    supervisor: Identity | None = None
    started_at: float = 0.0
    parts: dict[str, PartStatus] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write as JSON, atomically."""
        write_private(path, json.dumps(asdict(self), indent=1))

    def supervised(self) -> bool:
        """Whether the supervisor that wrote this state still runs."""
        return self.supervisor is not None and self.supervisor.alive()


def read_state(path: Path) -> StackState:
    """Read the last written state; an empty one when there is none or it cannot be read."""
    try:
        document = json.loads(path.read_text())
        parts = {
            name: PartStatus(**{**entry, "state": PartState(entry["state"])})
            for name, entry in document["parts"].items()
        }
        supervisor = Identity(**document["supervisor"]) if document["supervisor"] else None
        return StackState(supervisor, document["started_at"], parts)
    except (OSError, ValueError, KeyError, TypeError):
        return StackState()


@dataclass(frozen=True)
class Record:
    """What was started for a part: enough to adopt or end it after the supervisor died.

    `set_up` says that the part was ready once since this start.
    """

    identity: Identity
    fingerprint: str
    started_at: float
    set_up: bool = False

    def write(self, path: Path) -> None:
        """Write as JSON, atomically."""
        write_private(path, json.dumps(asdict(self)))


def read_record(path: Path) -> Record | None:
    """Read a pid record; None when there is none or it cannot be read."""
    try:
        document = json.loads(path.read_text())
        return Record(**{**document, "identity": Identity(**document["identity"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
