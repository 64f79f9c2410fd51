"""Reads two states of a dataset under one decision, and compares them."""

import asyncio
import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from typing_extensions import override

from ingest_service.domain.comparison import Comparison
from ingest_service.domain.contract import Declaration
from ingest_service.domain.submission import Submission
from ingest_service.engine.comparison import compare, compare_totals
from ingest_service.engine.job import PartFile
from ingest_service.storage.publications import History
from ingest_service.storage.rowchoice import matching
from ingest_service.storage.staged import Staged, StagedStore
from ingest_service.storage.tables import replaced_rows
from lake import Lake, ReadDecision

__all__ = ["ComparisonStore", "LakeComparisonStore"]


class ComparisonStore(ABC):
    """Compares publications."""

    @abstractmethod
    async def compare_submission(
        self,
        submission: Submission,
        declaration: Declaration,
        decision: ReadDecision,
        history: History,
        limit: int,
    ) -> Comparison:
        """What a submission that waits would change, or one that was published has changed, as the decision shows it."""


@dataclass(frozen=True, slots=True)
class _Side:
    """Rows of one state, and the columns that the reader sees as they are."""

    rows: pl.LazyFrame
    columns: tuple[str, ...]


class LakeComparisonStore(ComparisonStore):
    """Compares snapshots of the lake, or staged rows with the newest. Only rows that a publication replaces are read."""

    def __init__(self, lake: Lake, staged: StagedStore) -> None:
        self._lake, self._staged = lake, staged

    @override
    async def compare_submission(
        self,
        submission: Submission,
        declaration: Declaration,
        decision: ReadDecision,
        history: History,
        limit: int,
    ) -> Comparison:
        commit = history.commit_of(submission.submission_id)
        if commit is not None:
            return await asyncio.to_thread(
                self._compare, submission, declaration, decision, commit.parent_id, None, limit
            )
        with tempfile.TemporaryDirectory(prefix="compare-") as folder:
            staged = Staged(submission.staged, submission.content_digest)
            report = await self._staged.fetch(staged, Path(folder))
            before = history.newest or None
            return await asyncio.to_thread(
                self._compare, submission, declaration, decision, before, report.good, limit
            )

    def _compare(
        self,
        submission: Submission,
        declaration: Declaration,
        decision: ReadDecision,
        before: int | None,
        parts: tuple[PartFile, ...] | None,
        limit: int,
    ) -> Comparison:
        new = self._published(submission, decision, before) if parts is None else _waiting(parts, decision)
        if submission.mode == "append" or before is None:
            old = _Side(new.rows.clear(), new.columns)
        else:
            old = self._snapshot(submission.dataset, decision, before)
        if submission.mode == "replace":
            where = matching(replaced_rows(declaration, submission.replaced))
            old = replace(old, rows=old.rows.filter(where))
            new = replace(new, rows=new.rows.filter(where))
        columns = self._columns(declaration, old, new)
        keys = [key for key in declaration.contract.key_columns if key in columns]
        whole_key = len(keys) == len(declaration.contract.key_columns)
        found = compare(old.rows, new.rows, keys if whole_key else [], columns, limit + 1)
        stored = len(declaration.contract.stored_columns)
        return Comparison(
            dataset=submission.dataset,
            previous=before,
            added=found.added,
            removed=found.removed,
            changed=found.changed,
            same=found.same,
            totals=compare_totals(declaration.contract, old.rows, new.rows, columns),
            rows=found.rows[:limit],
            truncated=len(found.rows) > limit,
            withheld=decision.row_filter is not None or len(columns) + len(_provenance(declaration)) < stored,
        )

    @staticmethod
    def _columns(declaration: Declaration, old: _Side, new: _Side) -> list[str]:
        """Columns that both states have, but for those that say where a row came from."""
        skipped = _provenance(declaration)
        return [name for name in new.columns if name in old.columns and name not in skipped]

    def _snapshot(self, dataset: str, decision: ReadDecision, snapshot_id: int) -> _Side:
        scan = self._lake.reader.scan(dataset, decision, snapshot_id=snapshot_id)
        return _Side(scan.lazyframe, tuple(name for name in scan.schema.names if name not in decision.masks))

    def _published(self, submission: Submission, decision: ReadDecision, before: int | None) -> _Side:
        """What a submission brought into the table."""
        dataset, snapshot_id = submission.dataset, submission.snapshot_id
        if snapshot_id is None:
            raise RuntimeError(f"{submission.submission_id} has a commit and no snapshot")
        whole = self._snapshot(dataset, decision, snapshot_id)
        if submission.mode != "append":
            return whole
        reader = self._lake.reader
        old = () if before is None else reader.plan_files(dataset, decision, snapshot_id=before)
        known = {path for partition in old for path, _size in partition.files}
        added = [
            replace(partition, files=tuple(file for file in partition.files if file[0] not in known))
            for partition in reader.plan_files(dataset, decision, snapshot_id=snapshot_id)
        ]
        frames = [reader.scan_partition(partition, decision) for partition in added if partition.files]
        return _Side(pl.concat(frames) if frames else whole.rows.clear(), whole.columns)


def _provenance(declaration: Declaration) -> frozenset[str]:
    provenance = declaration.contract.provenance
    return frozenset() if provenance is None else frozenset({provenance.row, provenance.submission})


def _waiting(parts: tuple[PartFile, ...], decision: ReadDecision) -> _Side:
    """Rows that wait, with what the decision keeps back left out: no table applies it to them."""
    frame = pl.scan_parquet([part.path for part in parts], glob=False)
    hidden = {*decision.masks, *decision.denied_columns}
    columns = tuple(name for name in frame.collect_schema().names() if name not in hidden)
    if decision.row_filter is not None:
        frame = frame.filter(matching(decision.row_filter))
    return _Side(frame.select(columns), columns)
