"""The history of a dataset's table: what was committed after what, and taking a publication back."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import polars as pl
from typing_extensions import override

from ingest_service.domain.contract import Declaration
from ingest_service.domain.submission import Submission
from ingest_service.engine.job import PartFile
from ingest_service.storage.rowchoice import matching
from ingest_service.storage.tables import Publication, replaced_rows
from lake import CommitResult, Lake, RowFilter, system_decision

__all__ = ["Commit", "History", "LakePublicationStore", "PublicationStore", "revert_run"]

_REVERT = "revert-"


def revert_run(submission_id: str) -> str:
    """The run that takes a submission's publication back; also the snapshot's tag."""
    return f"{_REVERT}{submission_id}"


@dataclass(frozen=True, slots=True)
class Commit:
    """One snapshot of a table; `run` is the submission, or what it took back, in the form of `revert_run`."""

    snapshot_id: int
    parent_id: int | None
    run: str


@dataclass(frozen=True, slots=True)
class History:
    """A table's commits, newest first."""

    commits: Sequence[Commit]

    @property
    def newest(self) -> int:
        """The newest snapshot; 0 where there is none."""
        return self.commits[0].snapshot_id if self.commits else 0

    def commit_of(self, run: str) -> Commit | None:
        """The commit of a run, or None."""
        return next((commit for commit in self.commits if commit.run == run), None)

    def stands_as_before(self, snapshot_id: int) -> bool:
        """Whether the table holds what it held at a snapshot: all that came after was taken back, and nothing older was."""
        later = [
            commit.run for commit in takewhile(lambda commit: commit.snapshot_id != snapshot_id, self.commits)
        ]
        reverted = {run.removeprefix(_REVERT) for run in later if run.startswith(_REVERT)}
        return reverted == {run for run in later if not run.startswith(_REVERT)}

    def after(self, snapshot_id: int) -> list[str]:
        """Runs that came after a snapshot and were not taken back, newest first."""
        later: list[str] = []
        gone: set[str] = set()
        for commit in self.commits:
            if commit.snapshot_id == snapshot_id:
                break
            if commit.run.startswith(_REVERT):
                gone.add(commit.run.removeprefix(_REVERT))
            elif commit.run not in gone:
                later.append(commit.run)
        return later


class PublicationStore(ABC):
    """Tables as the sequence of their publications."""

    @abstractmethod
    async def history(self, dataset: str) -> History:
        """All commits of a dataset's table."""

    @abstractmethod
    async def revert_submission(
        self,
        submission: Submission,
        declaration: Declaration,
        history: History,
        properties: Mapping[str, str],
    ) -> Publication:
        """Commits the table without a submission, once however often it is called; RevertSubmission does it.

        Whoever calls has made sure that nothing after it in `history` stands on it.

        Raises:
            CommitConflictError: the table has moved on since `history`; look again.
        """

    @abstractmethod
    async def known_keys(
        self,
        declaration: Declaration,
        parts: Sequence[PartFile],
        submission: Submission,
        origins: Sequence[str],
        limit: int,
    ) -> Sequence[str]:
        """Keys in these parts that the table has already, as text. Of a dataset that only grows, only rows of `origins` count."""


class LakePublicationStore(PublicationStore):
    """Publications in the lake; blocking work runs in threads."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    @override
    async def history(self, dataset: str) -> History:
        return await asyncio.to_thread(self._history, dataset)

    def _history(self, dataset: str) -> History:
        if not self._lake.table_exists(dataset):
            return History(())
        found = self._lake.snapshots(dataset)
        return History([Commit(item.snapshot_id, item.parent_id, item.run_id or "") for item in found])

    @override
    async def revert_submission(
        self,
        submission: Submission,
        declaration: Declaration,
        history: History,
        properties: Mapping[str, str],
    ) -> Publication:
        result = await asyncio.to_thread(self._revert, submission, declaration, history, properties)
        return Publication(result.snapshot_id, result.rows_total, result.sequence)

    def _revert(
        self,
        submission: Submission,
        declaration: Declaration,
        history: History,
        properties: Mapping[str, str],
    ) -> CommitResult:
        writer = self._lake.writer(submission.dataset)
        run = revert_run(submission.submission_id)
        if (found := writer.find_commit(run)) is not None:
            return found
        commit = history.commit_of(submission.submission_id)
        if commit is None:
            raise RuntimeError(f"{submission.dataset} has no commit of {submission.submission_id}")
        expected = history.newest
        if history.stands_as_before(commit.snapshot_id):
            return writer.restore(
                commit.parent_id, run_id=run, expected=expected, properties=properties, tag=run
            )
        if submission.mode == "append":
            return writer.withdraw(
                submission.submission_id,
                rows=submission.rows_good,
                run_id=run,
                expected=expected,
                properties=properties,
                tag=run,
            )
        where = replaced_rows(declaration, submission.replaced)
        return writer.overwrite(
            self._rows_before(submission, commit.parent_id, where),
            run_id=run,
            where=where,
            expected=expected,
            properties=properties,
            tag=run,
        )

    def _rows_before(self, submission: Submission, parent: int | None, where: RowFilter) -> pl.LazyFrame:
        """The rows that the submission replaced, as they were."""
        dataset = submission.dataset
        decision = system_decision(dataset, run_id=revert_run(submission.submission_id))
        frame = self._lake.reader.scan(dataset, decision, snapshot_id=parent).lazyframe
        if parent is None:
            return frame.head(0)
        return frame.filter(matching(where))

    @override
    async def known_keys(
        self,
        declaration: Declaration,
        parts: Sequence[PartFile],
        submission: Submission,
        origins: Sequence[str],
        limit: int,
    ) -> Sequence[str]:
        return await asyncio.to_thread(self._known_keys, declaration, parts, submission, origins, limit)

    def _known_keys(
        self,
        declaration: Declaration,
        parts: Sequence[PartFile],
        submission: Submission,
        origins: Sequence[str],
        limit: int,
    ) -> list[str]:
        contract = declaration.contract
        keys = list(contract.key_columns)
        dataset = submission.dataset
        if not keys or not parts or not self._lake.table_exists(dataset):
            return []
        decision = system_decision(dataset, run_id=submission.submission_id)
        frame = self._lake.reader.scan(dataset, decision).lazyframe
        if contract.publish is not None and contract.publish.mode == "append":
            # Files that are added may repeat the keys of others: only the mended file's own rows count.
            if contract.provenance is None:
                return []
            frame = frame.filter(pl.col(contract.provenance.submission).is_in(list(origins)))
        new = pl.scan_parquet([part.path for part in parts], glob=False).select(keys)
        found = new.join(frame.select(keys), on=keys, how="semi").head(limit).collect()
        return [", ".join(str(value) for value in row) for row in found.iter_rows()]
