"""The dataset of a topic in the lake: each batch is one commit, which also says how far the topic has been read."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace

from typing_extensions import override

from ingest_service.domain.contract import Declaration
from ingest_service.domain.names import new_id
from ingest_service.domain.position import Position
from ingest_service.domain.source_run import SourceRun
from ingest_service.engine.job import Report
from ingest_service.storage.source_tables import Progress
from ingest_service.storage.tables import QUARANTINE_SCHEMA, LakeTableStore, table_schema
from lake import CommitResult, Follows, Lake, OvertakenError, TableId
from servicekit.errors import Text

__all__ = ["LakeTopicTables", "TopicState", "TopicTables"]

_BEFORE = "before."


@dataclass(frozen=True, slots=True)
class TopicState:
    """What a dataset's newest commit of a source says; all empty before the first.

    `pending` is the end of a batch whose dead letters are in quarantine, and whose rows are not yet in the table;
    `dead_snapshot_id` is the newest snapshot of the quarantine.
    """

    run: str | None = None
    snapshot_id: int | None = None
    rows_total: int = 0
    position: Position | None = None
    progress: Progress = field(default_factory=Progress)
    pending: Position | None = None
    dead_snapshot_id: int | None = None


class TopicTables(ABC):
    """Tables that topics feed."""

    @abstractmethod
    async def state(self, dataset: str, source: str) -> TopicState:
        """How far the dataset says that the source has been read."""

    @abstractmethod
    async def commit(
        self,
        declaration: Declaration,
        run: SourceRun,
        report: Report | None,
        before: TopicState,
        position: Position,
        progress: Progress,
    ) -> TopicState:
        """Commits a batch's dead letters, then its good rows with the position.

        Raises:
            OvertakenError: somebody else has committed after `before`; nothing of this batch is in the table.
        """


class LakeTopicTables(TopicTables):
    """Tables of the lake; blocking work runs in threads."""

    def __init__(self, lake: Lake, tables: LakeTableStore) -> None:
        self._lake, self._tables = lake, tables

    @override
    async def state(self, dataset: str, source: str) -> TopicState:
        return await asyncio.to_thread(self._state, dataset, source)

    def _state(self, dataset: str, source: str) -> TopicState:
        found, dead = (
            self._newest(TableId.of(dataset), source),
            self._newest(TableId.quarantine(dataset), source),
        )
        state = _state(found) if found is not None else TopicState()
        if dead is None:
            return state
        # The dead letters of a batch go first. Where the table's position is still the one before it, the process died in between.
        before, after = (Position.from_properties(dead.properties, prefix) for prefix in (_BEFORE, ""))
        pending = after if before == state.position else None
        return replace(state, pending=pending, dead_snapshot_id=dead.snapshot_id)

    def _newest(self, table: TableId, source: str) -> CommitResult | None:
        if not self._lake.table_exists(table):
            return None
        return self._lake.writer(table).newest_commit("source", source)

    @override
    async def commit(
        self,
        declaration: Declaration,
        run: SourceRun,
        report: Report | None,
        before: TopicState,
        position: Position,
        progress: Progress,
    ) -> TopicState:
        return await asyncio.to_thread(self._commit, declaration, run, report, before, position, progress)

    def _commit(
        self,
        declaration: Declaration,
        run: SourceRun,
        report: Report | None,
        before: TopicState,
        position: Position,
        progress: Progress,
    ) -> TopicState:
        # The two tables have a lock each: under this one nobody else commits to either for this source.
        with self._lake.exclusively(f"source {run.source}"):
            now = self._state(declaration.name, run.source)
            if (now.snapshot_id, now.dead_snapshot_id) != (before.snapshot_id, before.dead_snapshot_id):
                raise OvertakenError(
                    Text(
                        en=f"Another process has read sources/{run.source} on.",
                        id=f"Proses lain telah melanjutkan pembacaan sources/{run.source}.",
                    )
                )
            dead = before.dead_snapshot_id
            if report is not None and report.quarantine and before.pending is None:
                dead = self._bury(declaration, report, run, before, position)
            return replace(
                self._append(declaration, run, report, before, position, progress), dead_snapshot_id=dead
            )

    def _bury(
        self, declaration: Declaration, report: Report, run: SourceRun, before: TopicState, position: Position
    ) -> int:
        table = TableId.quarantine(declaration.name)
        self._lake.ensure_table(table, QUARANTINE_SCHEMA)
        writer = self._lake.writer(table)
        commit_id = f"{run.run}.{new_id()}"
        return writer.append(
            self._tables.files(report.quarantine, writer.target(commit_id)),
            run_id=commit_id,
            properties=_own(run) | _steps(before.position, position),
            follows=Follows("source", run.source, before.dead_snapshot_id),
        ).snapshot_id

    def _append(
        self,
        declaration: Declaration,
        run: SourceRun,
        report: Report | None,
        before: TopicState,
        position: Position,
        progress: Progress,
    ) -> TopicState:
        table = TableId.of(declaration.name)
        self._lake.ensure_table(table, table_schema(declaration), description=declaration.description.en)
        writer = self._lake.writer(table)
        commit_id = f"{run.run}.{new_id()}"
        files = self._tables.files(report.good, writer.target(commit_id)) if report is not None else []
        return _state(
            writer.append(
                files,
                run_id=commit_id,
                properties=_own(run) | position.as_properties() | progress.as_properties(),
                follows=Follows("source", run.source, before.snapshot_id),
            )
        )


def _own(run: SourceRun) -> dict[str, str]:
    return {"source": run.source, "source_run": run.run}


def _steps(before: Position | None, after: Position) -> dict[str, str]:
    return (before.as_properties(_BEFORE) if before is not None else {}) | after.as_properties()


def _state(found: CommitResult) -> TopicState:
    properties = dict(found.properties)
    return TopicState(
        run=properties["source_run"],
        snapshot_id=found.snapshot_id,
        rows_total=found.rows_total,
        position=Position.from_properties(properties),
        progress=Progress.from_properties(properties),
    )
