"""What the use cases of sources need of storage."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest_service.domain.source_run import SourceRun, SourceRunState, StoredSource
from ingest_service.domain.submission import RuleCount
from servicekit.errors import Text

__all__ = ["SourceRunChange", "SourceStore"]


@dataclass(frozen=True, slots=True)
class SourceRunChange:
    """New values of a run; None leaves a value as it is. `rows` are read, good, bad and deleted."""

    state: SourceRunState | None = None
    message: Text | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    ceiling: str | None = None
    position_before: str | None = None
    position_after: str | None = None
    rows: tuple[int, int, int, int] | None = None
    bytes_read: int | None = None
    commits: int | None = None
    snapshot_id: int | None = None
    rule_counts: Sequence[RuleCount] | None = None
    error_reason: str | None = None
    holder: str | None = None
    lag: Mapping[int, int] | None = None


class SourceStore(ABC):
    """Sources and their runs. What a method acknowledged is durable."""

    @abstractmethod
    async def apply_source(self, source: StoredSource, username: str) -> StoredSource | None:
        """Keeps a declaration as the next revision, unless it is the present one; None when another source feeds
        the dataset.
        """

    @abstractmethod
    async def get_source(self, source: str) -> StoredSource | None:
        """A source, or None."""

    @abstractmethod
    async def get_declaration(self, source: str, revision: int) -> str:
        """The declaration of a revision."""

    @abstractmethod
    async def list_sources(self, *, after: str, limit: int) -> Sequence[StoredSource]:
        """By name, after a name."""

    @abstractmethod
    async def create_run(self, run: SourceRun) -> SourceRun:
        """RunSource: keeps a run and queues its work; with the request id of an earlier one of the same owner, gives back that."""

    @abstractmethod
    async def get_source_run(self, run: str) -> SourceRun | None:
        """A run, or None."""

    @abstractmethod
    async def list_source_runs(
        self, *, source: str | None, before: str | None, limit: int
    ) -> Sequence[SourceRun]:
        """Newest first, from the one after `before`; `source` None means of all."""

    @abstractmethod
    async def change_run(self, run: str, change: SourceRunChange) -> SourceRun:
        """Changes a run that has not ended; one that has stays as it is. The end's position becomes the source's."""

    @abstractmethod
    async def cancel_source_run(self, run: str, message: Text, now: datetime) -> SourceRun:
        """Asks a run to end; one that has not begun ends at once, one that has ended stays as it is."""

    @abstractmethod
    async def retry_source_run(self, run: str, message: Text, trace: Mapping[str, str]) -> SourceRun:
        """Queues a failed or cancelled run again; any other stays as it is."""
