"""Stores in memory, for unit tests; they pass the same contract tests as PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

from compute_service.domain.runs import FINAL, LogLine, Run, RunState, StoredPipeline
from compute_service.ports.stores import PipelineStore, RunQueue, RunStore
from servicekit.errors import Text
from servicekit.telemetry import QueueState

__all__ = ["MemoryPipelineStore", "MemoryRunQueue", "MemoryRunStore"]


class MemoryPipelineStore(PipelineStore):
    """Pipelines in a dictionary."""

    def __init__(self) -> None:
        self._kept: dict[str, StoredPipeline] = {}

    @override
    async def apply_pipeline(self, pipeline: str, declaration: str) -> StoredPipeline:
        present = self._kept.get(pipeline)
        if present is None or present.declaration != declaration:
            revision = present.revision + 1 if present else 1
            self._kept[pipeline] = StoredPipeline(pipeline, declaration, revision, datetime.now(UTC))
        return self._kept[pipeline]

    @override
    async def get_pipeline(self, pipeline: str) -> StoredPipeline | None:
        return self._kept.get(pipeline)

    @override
    async def list_pipelines(self, after: str, limit: int) -> list[StoredPipeline]:
        return [self._kept[name] for name in sorted(self._kept) if name > after][:limit]


class MemoryRunStore(RunStore):
    """Runs in a dictionary."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._log: list[tuple[str, LogLine]] = []
        self._held: set[str] = set()

    @override
    async def create_run(self, run: Run) -> Run:
        if run.request_id is not None:
            for other in self._runs.values():
                if (other.pipeline, other.creator, other.request_id) == (
                    run.pipeline,
                    run.creator,
                    run.request_id,
                ):
                    return other
        self._runs[run.run] = run
        return run

    @override
    async def get_run(self, run: str) -> Run | None:
        return self._runs.get(run)

    @override
    async def list_runs(self, pipeline: str | None, after: str, limit: int) -> list[Run]:
        ordered = sorted(self._runs.values(), key=lambda run: (run.create_time, run.run), reverse=True)
        if after:
            last = self._runs.get(after)
            if last is None:
                return []
            ordered = [run for run in ordered if (run.create_time, run.run) < (last.create_time, last.run)]
        return [run for run in ordered if pipeline in {None, run.pipeline}][:limit]

    @override
    async def list_open_runs(self, limit: int) -> list[Run]:
        ordered = sorted(self._runs.values(), key=lambda run: run.create_time)
        return [run for run in ordered if run.state not in FINAL][:limit]

    @override
    async def queue_state(self) -> QueueState:
        waiting = [run for run in self._runs.values() if run.state is RunState.PENDING]
        running = [run for run in self._runs.values() if run.state is RunState.RUNNING]
        oldest = min((run.create_time for run in waiting), default=None)
        age = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
        return QueueState(len(waiting), len(running), age)

    @override
    async def update_run(self, run: str, **changes: Any) -> Run | None:
        present = self._runs.get(run)
        if present is None or present.state in FINAL:
            return None
        self._runs[run] = replace(present, **changes)
        return self._runs[run]

    @override
    async def add_log(self, run: str, level: str, text: Text) -> None:
        self._log.append((run, LogLine(len(self._log) + 1, datetime.now(UTC), level, text)))

    @override
    async def read_run_log(self, run: str, after: int, limit: int) -> Sequence[LogLine]:
        return [line for name, line in self._log if name == run and line.number > after][:limit]

    @override
    @asynccontextmanager
    async def claim(self, run: str) -> AsyncIterator[bool]:
        if run in self._held:
            yield False
            return
        self._held.add(run)
        try:
            yield True
        finally:
            self._held.discard(run)


class MemoryRunQueue(RunQueue):
    """Keeps what was asked for, each run once."""

    def __init__(self) -> None:
        self.waiting: list[str] = []

    @override
    async def enqueue(self, run: str) -> None:
        if run not in self.waiting:
            self.waiting.append(run)
