"""What the use cases need of the outside: ports that storage, engine, executor and clients implement."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from compute_service.domain.query import QueryLimits, QuerySummary, QueryTable
from lake import ReadDecision, TableSchema
from servicekit.auth import Principal

__all__ = [
    "AccessDecision",
    "Catalog",
    "DatasetFacts",
    "ExecutorUnavailableError",
    "OpenQuery",
    "QueryEngine",
    "RunClusters",
    "RunTables",
    "TaskExecutor",
    "TaskSession",
]


class AccessDecision(Protocol):
    """A decision of the catalog on one resource."""

    @property
    def resource(self) -> str:
        """`datasets/{dataset}`."""

    @property
    def read(self) -> ReadDecision:
        """What the reader is given."""

    @property
    def ask(self) -> str:
        """Who can give access."""

    @property
    def allowed(self) -> bool:
        """Whether the action is allowed."""


class DatasetFacts(Protocol):
    """What the catalog says of a dataset."""

    @property
    def declaration(self) -> str:
        """YAML of kind Dataset."""

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""

    @property
    def owner(self) -> str:
        """Its owner."""


class Catalog(Protocol):
    """The catalog service."""

    async def decide(
        self,
        principal: Principal,
        resources: Sequence[str],
        *,
        action: str,
        door: str,
        purpose: str = "",
        detail: str = "",
    ) -> Sequence[AccessDecision]:
        """One decision per resource, in order."""

    async def get_dataset(self, dataset: str) -> DatasetFacts:
        """A dataset's declaration; NotFoundError when there is none."""

    async def record_snapshot(
        self,
        dataset: str,
        snapshot_id: int,
        *,
        rows: int,
        origin: str,
        schema: TableSchema,
        control_totals: Mapping[str, str] | None = None,
    ) -> None:
        """Tells of a commit; twice changes nothing."""

    async def record_lineage(
        self, edges: Sequence[tuple[str, str]], *, process: str, labels: Mapping[str, str] | None = None
    ) -> None:
        """Records edges; twice changes nothing."""


class OpenQuery(ABC):
    """One query with a process of its own."""

    @abstractmethod
    async def tables(self, sql: str) -> tuple[list[str], list[str]]:
        """Datasets that one SELECT names, and names that cannot be a dataset.

        Raises StatementRefusedError for anything else than one harmless SELECT.
        """

    @abstractmethod
    def run_query(self, sql: str, tables: Sequence[QueryTable]) -> AsyncIterator[bytes | QuerySummary]:
        """Pieces of an Arrow IPC stream (at most 1 MiB each), then the summary."""

    @abstractmethod
    def kill(self) -> None:
        """Ends the process at once."""


class QueryEngine(ABC):
    """Gives each query a process."""

    @abstractmethod
    def open(self, limits: QueryLimits) -> AbstractAsyncContextManager[OpenQuery]:
        """A process for one query, within limits; QueueFullError when there is no place."""


class ExecutorUnavailableError(Exception):
    """The cluster cannot be reached or was lost; the same tasks may be sent again."""


class TaskSession(ABC):
    """One attempt's connection to where tasks run."""

    @abstractmethod
    def run_tasks(
        self, run: str, tasks: Sequence[dict[str, Any]]
    ) -> AsyncIterator[tuple[int, dict[str, Any]]]:
        """Results as they come, with the index of their task. Leaving the iteration cancels what has not ended.

        Raises:
            ExecutorUnavailableError: the cluster cannot be reached or was lost; results so far hold.
        """


class TaskExecutor(ABC):
    """Runs tasks somewhere."""

    @abstractmethod
    def open(self, run: str) -> AbstractAsyncContextManager[TaskSession]:
        """A session for one attempt of a run; it connects at its first tasks."""


class RunClusters(ABC):
    """Clusters that stand for one run each."""

    @abstractmethod
    async def list_runs(self) -> set[str]:
        """Runs that have a cluster; UnavailableError when nobody can say."""

    @abstractmethod
    async def remove(self, run: str) -> None:
        """Removes the clusters of a run; nothing when it has none."""


class RunTables(ABC):
    """The tables of the lake, as a run needs them."""

    @abstractmethod
    async def pin(self, dataset: str, decision: ReadDecision, snapshot_id: int | None) -> int | None:
        """The snapshot to read: the one given when it is there, else the newest; None for an empty table."""

    @abstractmethod
    async def partitions(
        self, dataset: str, decision: ReadDecision, snapshot_id: int | None, rows: int
    ) -> list[dict[str, Any]]:
        """Parts of a snapshot as words, each of about so many rows."""

    @abstractmethod
    async def ensure(self, dataset: str, schema: TableSchema, description: str) -> None:
        """Makes the table hold this schema."""

    @abstractmethod
    async def commit(
        self,
        dataset: str,
        run: str,
        files: Sequence[tuple[str, int, int]],
        replaced: Mapping[str, Sequence[str | int]] | None,
        properties: Mapping[str, str],
    ) -> tuple[int, int]:
        """Puts files (address, rows, bytes) in the place of all rows, or of those with the values of `replaced`.

        Returns the snapshot id and the rows that were added. Once per run, however often it is called.
        """

    @abstractmethod
    async def clear(self, run: str) -> None:
        """Removes what the run's tasks handed on."""
