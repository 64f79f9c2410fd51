"""The one way to table data: every scan takes a decision and applies it below the caller's query."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
from pyiceberg.expressions.visitors import _InclusiveMetricsEvaluator, _StrictMetricsEvaluator
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from lake.decision import ReadDecision, RowFilter
from lake.errors import AccessDeniedError, ColumnDeniedError, SnapshotNotFoundError
from lake.iceberg import LakeCatalog, from_iceberg_schema, load_table
from lake.masks import mask_column, masked_schema
from lake.outages import outages
from lake.resolution import resolve
from lake.rowfilter import to_iceberg, to_polars
from lake.scan import FileSource, scan_files, scan_table
from lake.schema import TableId, TableSchema
from lake.summary import time_of
from servicekit.errors import Text


@dataclass(frozen=True)
class Partition:
    """Some data files of one snapshot, for one task. Plain text and numbers: can be pickled or sent as JSON.

    `files` are (address, bytes) pairs; `rows` and `bytes` are before any filter.
    """

    table: str
    snapshot_id: int
    schema_id: int
    files: tuple[tuple[str, int], ...]
    rows: int
    bytes: int


class GovernedScan:
    """A filtered and masked frame of one snapshot. Made by `GovernedReader.scan`."""

    def __init__(
        self,
        lazyframe: pl.LazyFrame,
        schema: TableSchema,
        table: Table,
        snapshot: Snapshot | None,
        withheld: "_Withheld",
    ) -> None:
        self._lazyframe, self._schema, self._table, self._snapshot = lazyframe, schema, table, snapshot
        self._withheld = withheld

    @property
    def lazyframe(self) -> pl.LazyFrame:
        """The frame that the caller's query may see; nothing is read until it is collected."""
        return self._lazyframe

    @property
    def schema(self) -> TableSchema:
        """Columns as this reader sees them: without denied ones, with the types of masks."""
        return self._schema

    @property
    def snapshot_id(self) -> int | None:
        """Snapshot that is read; None for a table without a commit."""
        return self._snapshot.snapshot_id if self._snapshot else None

    @property
    def as_of(self) -> datetime:
        """UTC time of that snapshot; of the table's creation when there is none."""
        if self._snapshot:
            return time_of(self._snapshot)
        return datetime.fromtimestamp(self._table.metadata.last_updated_ms / 1000, UTC)

    @property
    def rows_withheld(self) -> bool | None:
        """Whether the row filter keeps rows back.

        Told from file statistics where they suffice, else from one narrow scan of the filter's columns at the first
        access (blocking). None is reserved for readers that cannot find out.
        """
        return self._withheld.value()


class GovernedReader:
    """Opens scans. Made by `Lake`."""

    def __init__(self, catalog: LakeCatalog, cached: FileSource, direct: FileSource, mask_key: bytes) -> None:
        # Partitions are read once, by pipelines: they would only push the files of queries out of the cache.
        self._catalog, self._cached, self._direct, self._mask_key = catalog, cached, direct, mask_key

    @outages()
    def scan(
        self,
        dataset: TableId | str,
        decision: ReadDecision,
        *,
        snapshot_id: int | None = None,
        as_of: datetime | None = None,
        columns: Sequence[str] | None = None,
    ) -> GovernedScan:
        """Scan one snapshot: the newest, or one by id, or the newest at a time with zone.

        Raises:
            AccessDeniedError: the decision is for another dataset or says no; nothing has been looked up.
            ColumnDeniedError: a named column is denied or unknown, the reader cannot tell which.
            TableNotFoundError, SnapshotNotFoundError: as they say.
        """
        name = TableId.of(dataset)
        check_allowed(name, decision)
        table = load_table(self._catalog, name)
        snapshot = _find_snapshot(table, name, snapshot_id, as_of)
        # The newest snapshot is read with the table's schema, which may have changed since; a past one with its own.
        newest = snapshot_id is None and as_of is None
        iceberg_schema = table.schema() if newest else _schema_of(table, snapshot)
        decision = resolve(decision, table, iceberg_schema)
        schema = from_iceberg_schema(iceberg_schema)
        if snapshot is None:
            frame = schema.to_polars().to_frame(eager=False)
        else:
            past = None if newest else snapshot.snapshot_id
            frame = scan_table(table, past, self._cached)
        governed, seen = self._govern(frame, schema, decision, columns)
        withheld = _Withheld(table, snapshot, iceberg_schema, decision.row_filter, frame)
        return GovernedScan(governed, seen, table, snapshot, withheld)

    @outages()
    def plan_files(
        self,
        dataset: TableId | str,
        decision: ReadDecision,
        *,
        snapshot_id: int | None = None,
        rows_per_partition: int = 1_000_000,
    ) -> list[Partition]:
        """Split a snapshot into partitions of whole files; only a single larger file exceeds the size asked for.

        Files that the decision's row filter rules out are left out. Errors as of `scan`.
        """
        name = TableId.of(dataset)
        check_allowed(name, decision)
        table = load_table(self._catalog, name)
        snapshot = _find_snapshot(table, name, snapshot_id, None)
        if snapshot is None:
            return []
        schema = table.schema() if snapshot_id is None else _schema_of(table, snapshot)
        row_filter = resolve(decision, table, schema).row_filter or RowFilter()
        may_match = _InclusiveMetricsEvaluator(schema, to_iceberg(row_filter, schema))
        found = [file for file in _files(table, snapshot) if may_match.eval(file)]
        partitions: list[Partition] = []
        files: list[tuple[str, int]] = []
        rows = 0
        for file in sorted(found, key=lambda file: file.file_path):
            if files and rows + file.record_count > rows_per_partition:
                partitions.append(_partition(name, snapshot, schema, files, rows))
                files, rows = [], 0
            files.append((file.file_path, file.file_size_in_bytes))
            rows += file.record_count
        if files:
            partitions.append(_partition(name, snapshot, schema, files, rows))
        return partitions

    @outages()
    def scan_partition(
        self, partition: Partition, decision: ReadDecision, *, columns: Sequence[str] | None = None
    ) -> pl.LazyFrame:
        """The rows of one partition under the same decision. Errors as of `scan`."""
        name = TableId.of(partition.table)
        check_allowed(name, decision)
        table = load_table(self._catalog, name)
        for path, _ in partition.files:
            if not path.startswith(f"{table.location()}/") or ".." in path:
                raise AccessDeniedError(
                    Text(
                        id=f"{path} bukan berkas tabel {name}.", en=f"{path} is not a file of table {name}."
                    ),
                    Text(id="Pakai partisi dari plan_files.", en="Use partitions of plan_files."),
                )
        iceberg_schema = table.schemas()[partition.schema_id]
        decision = resolve(decision, table, iceberg_schema)
        frame = scan_files(table, partition.files, self._direct, schema=iceberg_schema)
        return self._govern(frame, from_iceberg_schema(iceberg_schema), decision, columns)[0]

    def _govern(
        self, frame: pl.LazyFrame, schema: TableSchema, decision: ReadDecision, columns: Sequence[str] | None
    ) -> tuple[pl.LazyFrame, TableSchema]:
        visible = [column for column in schema.columns if column.name not in decision.denied_columns]
        if columns is not None:
            by_name = {column.name: column for column in visible}
            if absent := [name for name in columns if name not in by_name]:
                raise ColumnDeniedError(
                    Text(
                        id=f"Kolom {', '.join(absent)} tidak ada atau tidak boleh dibaca.",
                        en=f"Columns {', '.join(absent)} do not exist or may not be read.",
                    ),
                    Text(
                        id="Lihat kolom dataset ini, atau ajukan akses.",
                        en="See the dataset's columns, or ask for access.",
                    ),
                    field=absent[0],
                )
            visible = [by_name[name] for name in columns]
        if not visible:
            raise ColumnDeniedError(
                Text(id="Tidak ada kolom yang boleh dibaca.", en="No column may be read."),
                Text(id="Ajukan akses kepada pengelola data.", en="Ask the steward for access."),
            )
        if decision.row_filter is not None and decision.row_filter.conditions:
            frame = frame.filter(to_polars(decision.row_filter, schema))
        shown = [
            mask_column(column, decision.masks[column.name], self._mask_key)
            for column in visible
            if column.name in decision.masks
        ]
        # with_columns, not select: a frame of nothing but constants would lose its number of rows.
        frame = frame.with_columns(shown).select(column.name for column in visible)
        return frame, masked_schema(TableSchema(tuple(visible)), decision.masks)


class _Withheld:
    """Finds out, once and only when asked, whether a filter keeps rows back."""

    def __init__(
        self,
        table: Table,
        snapshot: Snapshot | None,
        schema: Schema,
        row_filter: RowFilter | None,
        frame: pl.LazyFrame,
    ) -> None:
        self._table, self._snapshot, self._schema = table, snapshot, schema
        self._filter, self._frame = row_filter, frame
        self._answer: bool | None = None

    def value(self) -> bool:
        if self._answer is None:
            self._answer = self._find_out()
        return self._answer

    def _find_out(self) -> bool:
        if self._snapshot is None or self._filter is None or not self._filter.conditions:
            return False
        files = _files(self._table, self._snapshot)
        if self._filter.is_nothing:
            return bool(files)
        expression = to_iceberg(self._filter, self._schema)
        may_match = _InclusiveMetricsEvaluator(self._schema, expression)
        all_match = _StrictMetricsEvaluator(self._schema, expression)
        if any(not may_match.eval(file) for file in files):
            return True
        if all(all_match.eval(file) for file in files):
            return False
        passes = to_polars(self._filter, from_iceberg_schema(self._schema)).fill_null(value=False)
        return not bool(self._frame.select(passes.all()).collect().item())


def check_allowed(table: TableId, decision: ReadDecision) -> None:
    """AccessDeniedError unless the decision is for this table and says yes."""
    if decision.dataset == str(table) and decision.allowed:
        return
    reasons = "; ".join(decision.reasons) if decision.dataset == str(table) else ""
    raise AccessDeniedError(
        Text(
            id=f"Dataset {table} tidak boleh dibaca. {reasons}".strip(),
            en=f"Dataset {table} may not be read. {reasons}".strip(),
        ),
        Text(id="Ajukan akses kepada pengelola data.", en="Ask the steward for access."),
        metadata={"policy_version": decision.policy_version},
    )


def _find_snapshot(
    table: Table, name: TableId, snapshot_id: int | None, as_of: datetime | None
) -> Snapshot | None:
    if snapshot_id is not None and as_of is not None:
        raise ValueError("give a snapshot or a time, not both")
    if snapshot_id is not None:
        found = table.snapshot_by_id(snapshot_id)
        wanted = str(snapshot_id)
    elif as_of is not None:
        if as_of.tzinfo is None:
            raise ValueError(f"as_of {as_of} has no time zone")
        found = table.snapshot_as_of_timestamp(int(as_of.timestamp() * 1000))
        wanted = as_of.isoformat()
    else:
        return table.current_snapshot()
    if found is None:
        raise SnapshotNotFoundError(
            Text(
                id=f"Dataset {name} tidak memiliki snapshot {wanted}.",
                en=f"Dataset {name} has no snapshot {wanted}.",
            ),
            Text(id="Lihat daftar snapshot dataset ini.", en="See the list of this dataset's snapshots."),
        )
    return found


def _files(table: Table, snapshot: Snapshot) -> list[DataFile]:
    tasks = table.scan(snapshot_id=snapshot.snapshot_id).plan_files()
    return [task.file for task in tasks if task.file.record_count]


def _schema_of(table: Table, snapshot: Snapshot | None) -> Schema:
    if snapshot is None or snapshot.schema_id is None:
        return table.schema()
    return table.schemas()[snapshot.schema_id]


def _partition(
    name: TableId, snapshot: Snapshot, schema: Schema, files: Sequence[tuple[str, int]], rows: int
) -> Partition:
    size = sum(size for _, size in files)
    return Partition(str(name), snapshot.snapshot_id, schema.schema_id, tuple(files), rows, size)
