"""The lake: tables, their schemas, snapshots and descriptions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from lake.objectstore import ObjectStore
from lake.reader import GovernedReader
from lake.schema import TableId, TableSchema
from lake.settings import LakeSettings
from lake.writer import TableWriter


@dataclass(frozen=True)
class SnapshotInfo:
    """One version of a table; `summary` holds Iceberg's totals and what the commit carried."""

    snapshot_id: int
    parent_id: int | None
    sequence: int
    create_time: datetime
    operation: str
    rows_added: int
    rows_total: int
    run_id: str | None
    summary: Mapping[str, str]


@dataclass(frozen=True)
class TableInfo:
    """A table as it stands now; `snapshot_id` is None before its first commit. `rows` and `bytes` are totals."""

    table: TableId
    uid: str
    schema: TableSchema
    description: str
    properties: Mapping[str, str]
    location: str
    snapshot_id: int | None
    snapshot_count: int
    rows: int
    bytes: int
    files: int
    create_time: datetime | None
    update_time: datetime


class Lake:
    """All tables on one bucket and one PostgreSQL database. Thread-safe; open one per process, after any fork."""

    @classmethod
    def open(cls, settings: LakeSettings) -> Self:
        """Connect, create what is missing (bucket, namespaces, own tables) and return the lake."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back all connections."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    @property
    def objects(self) -> ObjectStore:
        """The bucket."""
        raise NotImplementedError

    @property
    def reader(self) -> GovernedReader:
        """The one way to read table data."""
        raise NotImplementedError

    def writer(self, table: TableId | str) -> TableWriter:
        """Writer of one table; TableNotFoundError when there is none."""
        raise NotImplementedError

    def create_table(
        self,
        table: TableId | str,
        schema: TableSchema,
        *,
        description: str = "",
        properties: Mapping[str, str] | None = None,
    ) -> TableInfo:
        """Create a table; TableExistsError when there is one."""
        raise NotImplementedError

    def ensure_table(
        self,
        table: TableId | str,
        schema: TableSchema,
        *,
        description: str = "",
        properties: Mapping[str, str] | None = None,
    ) -> TableInfo:
        """Create a table, or evolve it to hold this schema: new columns are added (optional), int32 widens to int,
        decimal gains digits, required becomes optional. Anything else is a SchemaMismatchError.
        """
        raise NotImplementedError

    def rename_column(self, table: TableId | str, old: str, new: str) -> TableInfo:
        """Rename a column; old files stay readable under the new name."""
        raise NotImplementedError

    def drop_table(self, table: TableId | str) -> None:
        """Forget a table (its objects stay until clean-up); nothing happens when there is none."""
        raise NotImplementedError

    def table_exists(self, table: TableId | str) -> bool:
        """Whether there is such a table."""
        raise NotImplementedError

    def list_tables(self, namespace: str = "lake") -> list[TableId]:
        """All tables of a namespace in name order."""
        raise NotImplementedError

    def describe(self, table: TableId | str) -> TableInfo:
        """The table as it stands now; TableNotFoundError when there is none."""
        raise NotImplementedError

    def snapshots(self, table: TableId | str) -> list[SnapshotInfo]:
        """All snapshots, newest first."""
        raise NotImplementedError

    def set_description(self, table: TableId | str, description: str) -> TableInfo:
        """Replace the description."""
        raise NotImplementedError

    def set_properties(self, table: TableId | str, properties: Mapping[str, str]) -> TableInfo:
        """Set some properties; others stay."""
        raise NotImplementedError

    def tag(self, table: TableId | str, snapshot_id: int, name: str) -> None:
        """Name a snapshot for ever, such as `publication-2017`."""
        raise NotImplementedError
