"""A run and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from servicekit.errors import Text

__all__ = ["FINAL", "LogLine", "Outcome", "Run", "RunState", "StoredPipeline", "run_name"]


class RunState(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_NO_TEXT = Text(en="", id="")

FINAL = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """An expectation after it was measured."""

    expectation: str
    passed: bool
    severity: str
    message: Text


@dataclass(frozen=True, slots=True)
class Run:
    """One execution. `declaration`, `decisions` and `inputs` are fixed when it is asked for or starts.

    `decisions` are words of a decision by dataset; `inputs` are snapshot ids by input name, None before the start;
    `trace` is the W3C context it was asked in. Times are UTC.
    """

    pipeline: str
    run: str
    state: RunState
    revision: int
    declaration: str
    creator: str
    create_time: datetime
    decisions: Mapping[str, Any] = field(default_factory=dict)
    trace: Mapping[str, str] = field(default_factory=dict)
    trace_id: str = ""
    request_id: str | None = None
    message: Text = _NO_TEXT
    tasks_done: int = 0
    tasks_total: int = 0
    rows_read: int = 0
    rows_written: Mapping[str, int] = field(default_factory=dict)
    snapshots: tuple[str, ...] = ()
    expectations: tuple[Outcome, ...] = ()
    inputs: Mapping[str, int | None] | None = None
    attempt: int = 0
    cancel_requested: bool = False
    start_time: datetime | None = None
    end_time: datetime | None = None

    @property
    def name(self) -> str:
        """Resource name."""
        return run_name(self.pipeline, self.run)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a run's log; `number` grows along the log."""

    number: int
    time: datetime
    level: str
    text: Text


@dataclass(frozen=True, slots=True)
class StoredPipeline:
    """A pipeline as it is kept."""

    pipeline: str
    declaration: str
    revision: int
    update_time: datetime


def run_name(pipeline: str, run: str) -> str:
    """`pipelines/{pipeline}/runs/{run}`."""
    return f"pipelines/{pipeline}/runs/{run}"
