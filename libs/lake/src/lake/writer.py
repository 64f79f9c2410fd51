"""The one writer of a table: a lock, a fresh view of the table, one snapshot, one record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import polars as pl
import pyarrow as pa

from lake.decision import RowFilter
from lake.parquet import WriteTarget, WrittenFile
from lake.schema import TableId

TableData = Sequence[WrittenFile] | pa.Table | pl.DataFrame | pl.LazyFrame
ControlValue = Decimal | int | str


@dataclass(frozen=True)
class CommitResult:
    """What a commit made. `repeated` is True when the run had been committed before and nothing was done now."""

    table: TableId
    run_id: str
    snapshot_id: int
    sequence: int
    mode: str
    rows_added: int
    rows_total: int
    bytes_added: int
    controls: Mapping[str, str]
    properties: Mapping[str, str]
    commit_time: datetime
    repeated: bool = False


class TableWriter:
    """Commits to one table. Every commit has a `run_id`, unique per table: the same id again returns the first
    result and changes nothing, also after a crash half way or a lost answer.
    """

    def target(self, run_id: str) -> WriteTarget:
        """Where the tasks of this run write their files (see `lake.parquet.write_parquet`)."""
        raise NotImplementedError

    def append(
        self,
        data: TableData,
        *,
        run_id: str,
        controls: Mapping[str, ControlValue] | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> CommitResult:
        """Add rows in one snapshot. No file or no row is a legal commit.

        `controls` are control totals (name → exact value); `properties` are summary entries such as `submission`,
        `pipeline`, `trace_id`. Raises SchemaMismatchError, CommitConflictError (lock not in time).
        """
        raise NotImplementedError

    def overwrite(
        self,
        data: TableData,
        *,
        run_id: str,
        where: RowFilter | None = None,
        controls: Mapping[str, ControlValue] | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> CommitResult:
        """Replace the rows that match `where` (None: all rows) by `data`, in one snapshot."""
        raise NotImplementedError

    def find_commit(self, run_id: str) -> CommitResult | None:
        """The commit of this run, also one whose record was lost in a crash; None when there is none."""
        raise NotImplementedError
