"""The dataset of a source in the lake: each chunk is one commit, which also says how far the source has been read."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from typing_extensions import override

from ingest_service.domain.contract import Declaration
from ingest_service.domain.source_run import SourceRun
from ingest_service.domain.submission import RuleCount, Severity
from ingest_service.engine.job import Report
from ingest_service.storage.tables import LakeTableStore, table_schema
from lake import CommitResult, Lake, TableId, system_decision

__all__ = ["ChunkCommit", "LakeSourceTables", "Progress", "SourceTables"]

_MAX_VALUE = 1000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come with a commit: rows, bytes and findings are those of the whole run until then."""

    position: str | None = None
    last: bool = False
    rows_read: int = 0
    rows_good: int = 0
    rows_bad: int = 0
    rows_deleted: int = 0
    bytes_read: int = 0
    commits: int = 0
    rule_counts: tuple[RuleCount, ...] = ()

    def as_properties(self) -> dict[str, str]:
        """As entries of a snapshot's summary. Rules beyond its room are left out, the rarest first."""
        counts = sorted(self.rule_counts, key=lambda count: -count.rows)
        while len(text := json.dumps([[c.rule, c.severity.value, c.rows] for c in counts])) > _MAX_VALUE:
            counts.pop()
        numbers = {
            name: str(getattr(self, name))
            for name in ("rows_read", "rows_good", "rows_bad", "rows_deleted", "bytes_read", "commits")
        }
        return numbers | {
            "position": self.position or "",
            "last": str(self.last).lower(),
            "rule_counts": text,
        }

    @staticmethod
    def from_properties(properties: dict[str, str]) -> "Progress":
        """Read back."""
        counts = json.loads(properties["rule_counts"])
        return Progress(
            position=properties["position"] or None,
            last=properties["last"] == "true",
            rows_read=int(properties["rows_read"]),
            rows_good=int(properties["rows_good"]),
            rows_bad=int(properties["rows_bad"]),
            rows_deleted=int(properties["rows_deleted"]),
            bytes_read=int(properties["bytes_read"]),
            commits=int(properties["commits"]),
            rule_counts=tuple(RuleCount(rule, Severity(severity), rows) for rule, severity, rows in counts),
        )


@dataclass(frozen=True, slots=True)
class ChunkCommit:
    """A commit of a run of a source; `rows_total` are the table's rows after it."""

    run: str
    snapshot_id: int
    rows_total: int
    progress: Progress


class SourceTables(ABC):
    """Tables that sources feed."""

    @abstractmethod
    async def newest(self, dataset: str, source: str) -> ChunkCommit | None:
        """The newest commit of a source among those that made the dataset what it is now: what the position is."""

    @abstractmethod
    async def vanished(
        self, dataset: str, run: str, keys: Sequence[Path], columns: Sequence[str]
    ) -> pl.DataFrame:
        """Keys of the dataset that are in none of the files `keys`."""

    @abstractmethod
    async def commit(
        self,
        declaration: Declaration,
        run: SourceRun,
        report: Report,
        progress: Progress,
        *,
        replace_all: bool,
        deleted: pl.DataFrame | None,
    ) -> ChunkCommit:
        """Commits quarantine records, then good rows with the progress, each once however often it is called.

        `replace_all`: the good rows become the table. Else they replace the rows of their keys, and `deleted` go.
        """


class LakeSourceTables(SourceTables):
    """Tables of the lake; blocking work runs in threads."""

    def __init__(self, lake: Lake, tables: LakeTableStore) -> None:
        self._lake, self._tables = lake, tables

    @override
    async def newest(self, dataset: str, source: str) -> ChunkCommit | None:
        return await asyncio.to_thread(self._newest, dataset, source)

    def _newest(self, dataset: str, source: str) -> ChunkCommit | None:
        if not self._lake.table_exists(dataset):
            return None
        found = self._lake.writer(dataset).newest_commit("source", source)
        return _commit(found) if found else None

    @override
    async def vanished(
        self, dataset: str, run: str, keys: Sequence[Path], columns: Sequence[str]
    ) -> pl.DataFrame:
        return await asyncio.to_thread(self._vanished, dataset, run, keys, columns)

    def _vanished(self, dataset: str, run: str, keys: Sequence[Path], columns: Sequence[str]) -> pl.DataFrame:
        if not self._lake.table_exists(dataset):
            return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        frame = self._lake.reader.scan(dataset, system_decision(dataset, run_id=run)).lazyframe
        present = pl.scan_parquet(list(keys), glob=False).select(columns)
        return frame.select(columns).join(present, on=list(columns), how="anti").collect()

    @override
    async def commit(
        self,
        declaration: Declaration,
        run: SourceRun,
        report: Report,
        progress: Progress,
        *,
        replace_all: bool,
        deleted: pl.DataFrame | None,
    ) -> ChunkCommit:
        return await asyncio.to_thread(
            self._commit, declaration, run, report, progress, replace_all=replace_all, deleted=deleted
        )

    def _commit(
        self,
        declaration: Declaration,
        run: SourceRun,
        report: Report,
        progress: Progress,
        *,
        replace_all: bool,
        deleted: pl.DataFrame | None,
    ) -> ChunkCommit:
        # The number says which chunk of its run it is: a second try, even with other rows, finds what the first has done.
        commit_id = f"{run.run}.{progress.commits}"
        properties = {"source": run.source, "source_run": run.run, **progress.as_properties()}
        self._tables.quarantine(declaration, report, commit_id, {"source": run.source, "source_run": run.run})
        table = TableId.of(declaration.name)
        self._lake.ensure_table(table, table_schema(declaration), description=declaration.description.en)
        writer = self._lake.writer(table)
        if (found := writer.find_commit(commit_id)) is None:
            files = self._tables.files(report.good, writer.target(commit_id))
            if replace_all:
                found = writer.overwrite(files, run_id=commit_id, properties=properties)
            else:
                keys = _keys(declaration, report, deleted)
                found = writer.upsert(files, keys=keys, run_id=commit_id, properties=properties)
        return _commit(found)


def _keys(declaration: Declaration, report: Report, deleted: pl.DataFrame | None) -> pl.DataFrame:
    columns = declaration.contract.key_columns
    frames = [pl.read_parquet(part.path, columns=list(columns)) for part in report.good]
    if deleted is not None and not deleted.is_empty():
        frames.append(deleted)
    return pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))


def _commit(result: CommitResult) -> ChunkCommit:
    properties = dict(result.properties)
    return ChunkCommit(
        properties["source_run"], result.snapshot_id, result.rows_total, Progress.from_properties(properties)
    )
