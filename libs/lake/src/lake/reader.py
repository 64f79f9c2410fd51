"""The only module that opens table files: every scan takes a decision and applies it below the caller's query."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from lake.decision import ReadDecision
from lake.schema import TableId, TableSchema


@dataclass(frozen=True)
class Partition:
    """Some data files of one snapshot, for one task. Plain text and numbers: can be pickled or sent as JSON."""

    table: str
    snapshot_id: int
    paths: tuple[str, ...]
    rows: int
    bytes: int


class GovernedScan:
    """A filtered and masked frame of one snapshot."""

    @property
    def lazyframe(self) -> pl.LazyFrame:
        """The frame that the caller's query may see; nothing is read until it is collected."""
        raise NotImplementedError

    @property
    def snapshot_id(self) -> int | None:
        """Snapshot that is read; None for a table without a commit."""
        raise NotImplementedError

    @property
    def as_of(self) -> datetime:
        """UTC time of that snapshot."""
        raise NotImplementedError

    @property
    def schema(self) -> TableSchema:
        """Columns as the reader sees them (without denied ones, masked types)."""
        raise NotImplementedError

    @property
    def rows_withheld(self) -> bool | None:
        """Whether the row filter keeps rows back. From file statistics when they tell, else from one narrow scan
        of the filter's columns at the first access. None when that could not be found out.
        """
        raise NotImplementedError


class GovernedReader:
    """Opens scans. Made by `Lake`."""

    def scan(
        self,
        dataset: TableId | str,
        decision: ReadDecision,
        *,
        snapshot_id: int | None = None,
        as_of: datetime | None = None,
        columns: Sequence[str] | None = None,
    ) -> GovernedScan:
        """Scan one snapshot (the newest, or one by id, or the newest at a time with zone).

        AccessDeniedError comes before anything is looked up; ColumnDeniedError names denied columns and unknown
        ones alike; TableNotFoundError, SnapshotNotFoundError as they say.
        """
        raise NotImplementedError

    def plan_files(
        self,
        dataset: TableId | str,
        decision: ReadDecision,
        *,
        snapshot_id: int | None = None,
        rows_per_partition: int = 1_000_000,
    ) -> list[Partition]:
        """Split a snapshot into partitions of whole files, none much larger than asked unless one file is."""
        raise NotImplementedError

    def scan_partition(
        self, partition: Partition, decision: ReadDecision, *, columns: Sequence[str] | None = None
    ) -> pl.LazyFrame:
        """The rows of one partition under the same decision."""
        raise NotImplementedError
