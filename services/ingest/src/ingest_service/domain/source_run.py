"""One reading of a source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ingest_service.domain.submission import RuleCount
from servicekit.errors import Text

__all__ = ["SourceRun", "SourceRunState", "StoredSource"]


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A source as it was applied. `position` is a copy of how far its dataset says that it has been read."""

    source: str
    dataset: str
    declaration: str
    revision: int
    update_time: datetime
    position: str | None = None


class SourceRunState(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self not in {SourceRunState.PENDING, SourceRunState.RUNNING}


@dataclass(frozen=True, slots=True)
class SourceRun:
    """A run. Times are UTC; `bytes_read` as they lie in memory; `ceiling` is what the position may not pass.

    Of a topic, `holder` is the process that reads it and `lag` are messages not read yet, by partition.
    """

    run: str
    source: str
    dataset: str
    revision: int
    state: SourceRunState
    message: Text
    owner: str
    creator: str
    create_time: datetime
    request_id: str | None = None
    full: bool = False
    cancel_requested: bool = False
    start_time: datetime | None = None
    end_time: datetime | None = None
    ceiling: str | None = None
    position_before: str | None = None
    position_after: str | None = None
    rows_read: int = 0
    rows_good: int = 0
    rows_bad: int = 0
    rows_deleted: int = 0
    bytes_read: int = 0
    commits: int = 0
    snapshot_id: int | None = None
    rule_counts: tuple[RuleCount, ...] = ()
    error_reason: str = ""
    holder: str = ""
    lag: Mapping[int, int] = field(default_factory=dict)
    trace: Mapping[str, str] = field(default_factory=dict)
