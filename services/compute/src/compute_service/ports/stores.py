"""Where pipelines, runs and logs are kept, as the use cases see it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from compute_service.domain.runs import LogLine, Run, StoredPipeline
from servicekit.errors import Text
from servicekit.telemetry import QueueState

__all__ = ["PipelineStore", "RunQueue", "RunStore"]


class PipelineStore(ABC):
    """Pipelines by id."""

    @abstractmethod
    async def apply_pipeline(self, pipeline: str, declaration: str) -> StoredPipeline:
        """Keeps a declaration; the revision grows only when the text changed."""

    @abstractmethod
    async def get_pipeline(self, pipeline: str) -> StoredPipeline | None:
        """A pipeline, or None."""

    @abstractmethod
    async def list_pipelines(self, after: str, limit: int) -> list[StoredPipeline]:
        """At most `limit` pipelines in order of id, after an id ("" from the start)."""


class RunStore(ABC):
    """Runs by id, and their logs."""

    @abstractmethod
    async def create_run(self, run: Run) -> Run:
        """Keeps a new run, for RunPipeline; the one that has the same pipeline, creator and request id when there is one."""

    @abstractmethod
    async def get_run(self, run: str) -> Run | None:
        """A run, or None."""

    @abstractmethod
    async def list_runs(self, pipeline: str | None, after: str, limit: int) -> list[Run]:
        """At most `limit` runs, newest first, after a run's id ("" from the newest). None: of all pipelines."""

    @abstractmethod
    async def list_open_runs(self, limit: int) -> list[Run]:
        """Runs that have not ended, oldest first."""

    @abstractmethod
    async def queue_state(self) -> QueueState:
        """How many runs wait and are worked on, and since when the oldest waits."""

    @abstractmethod
    async def update_run(self, run: str, **changes: Any) -> Run | None:
        """Changes fields of a run that has not ended. None when it has, or is not there.

        CancelRun asks for the end of a run by `cancel_requested`.
        """

    @abstractmethod
    async def add_log(self, run: str, level: str, text: Text) -> None:
        """Adds a line to a run's log."""

    @abstractmethod
    async def read_run_log(self, run: str, after: int, limit: int) -> Sequence[LogLine]:
        """Lines after a number, oldest first."""

    @abstractmethod
    def claim(self, run: str) -> AbstractAsyncContextManager[bool]:
        """Holds a run for one process: True inside when nobody else holds it. A holder that dies lets go."""


class RunQueue(ABC):
    """Work that outlives the process."""

    @abstractmethod
    async def enqueue(self, run: str) -> None:
        """Asks for a run to be worked on. Asking again while it waits changes nothing."""
