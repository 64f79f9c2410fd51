"""The lake: tables, their schemas, snapshots and descriptions."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Self

from psycopg_pool import ConnectionPool
from pyiceberg.exceptions import NoSuchTableError, TableAlreadyExistsError
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from lake.commits import CommitLog
from lake.errors import TableExistsError, TableNotFoundError
from lake.evolution import evolve, holds
from lake.filecache import FileCache
from lake.health import HealthMeter, TableHealth
from lake.iceberg import LakeCatalog, from_iceberg_schema, load_table, open_catalog, to_iceberg_schema
from lake.objectstore import ObjectStore
from lake.outages import outages
from lake.reader import GovernedReader
from lake.s3 import S3ObjectStore
from lake.scan import FileSource
from lake.schema import TableId, TableSchema
from lake.settings import LakeSettings
from lake.snapshotid import require_snapshot
from lake.summary import RUN_ID, summary_of, time_of
from lake.waiting import wait_for_bucket
from lake.writer import TableWriter
from servicekit.errors import Text
from servicekit.postgres import connection_info, migrate

_DESCRIPTION = "comment"
_FIXED_PROPERTIES = {
    "format-version": "2",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "100",
    # A stale commit must fail, not be rebased: writers hold a lock, so it means that a lock was lost.
    "commit.retry.num-retries": "0",
    "commit.manifest-merge.enabled": "true",
}


@dataclass(frozen=True)
class SnapshotInfo:
    """One version of a table; `summary` holds Iceberg's totals and what the commit carried. Times are UTC."""

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
    """A table as it stands now; `snapshot_id` is None before its first commit. Rows, bytes and files are totals."""

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
    update_time: datetime


class Lake:
    """All tables on one bucket and one PostgreSQL database. Thread-safe; open one per process, after any fork."""

    def __init__(
        self,
        settings: LakeSettings,
        catalog: LakeCatalog,
        pool: ConnectionPool,
        objects: ObjectStore,
        mask_key: bytes,
    ) -> None:
        self._settings, self._catalog, self._pool, self._objects = settings, catalog, pool, objects
        self._log = CommitLog(pool, settings.lock_timeout_seconds, settings.lock_idle_seconds)
        self._meter = HealthMeter(catalog)
        self._source = FileSource(settings.s3)
        cache = FileCache(settings.cache_dir, settings.cache_bytes, objects) if settings.cache_dir else None
        self._reader = GovernedReader(catalog, FileSource(settings.s3, cache), self._source, mask_key)

    @classmethod
    def open(cls, settings: LakeSettings) -> Self:
        """Connect, create what is missing (bucket, own tables) and return the lake.

        Raises:
            StoreError: the object store does not answer within its `wait_seconds`.
            psycopg.OperationalError: PostgreSQL does not answer.
        """
        objects = S3ObjectStore(settings.s3)
        wait_for_bucket(objects, settings.s3.wait_seconds)
        migrate(settings.postgres, files("lake") / "migrations")
        pool = ConnectionPool(
            connection_info(settings.postgres),
            min_size=1,
            max_size=settings.postgres.pool_max,
            open=True,
            check=ConnectionPool.check_connection,
        )
        with pool.connection() as connection:
            row = connection.execute("SELECT value FROM lake_keys WHERE name = 'mask'").fetchone()
        if row is None:
            raise RuntimeError("lake_keys holds no key for the hash mask; restore it from a backup")
        return cls(settings, open_catalog(settings), pool, objects, bytes(row[0]))

    def close(self) -> None:
        """Give back all connections."""
        self._pool.close()
        self._catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def objects(self) -> ObjectStore:
        """The bucket."""
        return self._objects

    @property
    def reader(self) -> GovernedReader:
        """The one way to read table data."""
        return self._reader

    @outages()
    def writer(self, table: TableId | str) -> TableWriter:
        """Writer of one table; TableNotFoundError when there is none."""
        name = TableId.of(table)
        load_table(self._catalog, name)
        return TableWriter(self._catalog, self._log, self._objects, self._source, name)

    @outages()
    def create_table(
        self,
        table: TableId | str,
        schema: TableSchema,
        *,
        description: str = "",
        properties: Mapping[str, str] | None = None,
    ) -> TableInfo:
        """Create a table; TableExistsError when there is one."""
        name = TableId.of(table)
        try:
            self._catalog.create_table(
                name.identifier,
                to_iceberg_schema(schema),
                # Never the place of an earlier table of this name: its objects may still be there.
                location=f"{self._settings.s3.root}/tables/{name.namespace}/{name.name}-{secrets.token_hex(6)}",
                properties={**(properties or {}), **_FIXED_PROPERTIES, _DESCRIPTION: description},
            )
        except TableAlreadyExistsError as error:
            raise TableExistsError(
                Text(id=f"Tabel {name} sudah ada.", en=f"Table {name} exists already."),
                Text(id="Pakai nama lain atau ubah skemanya.", en="Use another name or evolve its schema."),
            ) from error
        return self.describe(name)

    @outages()
    def ensure_table(
        self,
        table: TableId | str,
        schema: TableSchema,
        *,
        description: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> TableInfo:
        """Create a table, or evolve it so that it holds this schema.

        New columns are added (optional), int32 widens to int, decimals gain digits, required becomes optional.
        Anything else is a SchemaMismatchError. A description of None keeps the present one.
        """
        name = TableId.of(table)
        wanted = dict(properties or {})
        if description is not None:
            wanted[_DESCRIPTION] = description
        try:
            found = load_table(self._catalog, name)
        except TableNotFoundError:
            try:
                return self.create_table(name, schema, description=description or "", properties=properties)
            except TableExistsError:
                found = load_table(self._catalog, name)  # another process was faster: evolve what it made
        if holds(found, name, schema) and not _changed(found, wanted):
            return _info(name, found)

        def ensure(present: Table) -> None:
            evolve(present, name, schema)
            _set_properties(present, wanted)

        return self._change(name, ensure)

    @outages()
    def rename_column(self, table: TableId | str, old: str, new: str) -> TableInfo:
        """Rename a column; files written before stay readable under the new name."""

        def rename(present: Table) -> None:
            with present.update_schema() as update:
                update.rename_column(old, new)

        return self._change(TableId.of(table), rename)

    @outages()
    def drop_table(self, table: TableId | str) -> None:
        """Forget a table (its objects stay until clean-up); nothing happens when there is none."""
        try:
            self._catalog.drop_table(TableId.of(table).identifier)
        except NoSuchTableError:
            return

    @outages()
    def table_exists(self, table: TableId | str) -> bool:
        """Whether there is such a table."""
        return bool(self._catalog.table_exists(TableId.of(table).identifier))

    @outages()
    def list_tables(self, namespace: str = "lake") -> list[TableId]:
        """All tables of a namespace in name order."""
        return [
            TableId(namespace, name)
            for name in sorted(item[-1] for item in self._catalog.list_tables(namespace))
        ]

    @outages()
    def describe(self, table: TableId | str) -> TableInfo:
        """The table as it stands now; TableNotFoundError when there is none."""
        name = TableId.of(table)
        return _info(name, load_table(self._catalog, name))

    @outages()
    def health(self, table: TableId | str, small_file_bytes: int) -> TableHealth:
        """How the table stands, from its metadata; cheap when little has changed since it was last asked.

        Raises:
            TableNotFoundError: there is none.
            FileNotFoundError: one of its metadata files is not there.
        """
        return self._meter.measure(TableId.of(table), small_file_bytes)

    @outages()
    def snapshots(self, table: TableId | str) -> list[SnapshotInfo]:
        """All snapshots, newest first."""
        return [
            _snapshot_info(item)
            for item in reversed(load_table(self._catalog, TableId.of(table)).snapshots())
        ]

    def set_description(self, table: TableId | str, description: str) -> TableInfo:
        """Replace the description."""
        return self.set_properties(table, {_DESCRIPTION: description})

    @outages()
    def set_properties(self, table: TableId | str, properties: Mapping[str, str]) -> TableInfo:
        """Set some properties; others stay."""
        return self._change(TableId.of(table), lambda present: _set_properties(present, properties))

    @outages()
    def tag(self, table: TableId | str, snapshot_id: int, name: str) -> None:
        """Name a snapshot for ever, such as `publication-2017`; SnapshotNotFoundError when there is none."""

        def create(present: Table) -> None:
            require_snapshot(present, TableId.of(table), snapshot_id)
            present.manage_snapshots().create_tag(snapshot_id, name).commit()

        self._change(TableId.of(table), create)

    @outages()
    def tags(self, table: TableId | str) -> dict[str, int]:
        """Tags and their snapshots."""
        refs = load_table(self._catalog, TableId.of(table)).metadata.refs
        return {name: ref.snapshot_id for name, ref in refs.items() if ref.snapshot_ref_type.value == "tag"}

    @contextmanager
    def exclusively(self, task: str) -> Iterator[None]:
        """Hold a lock of this name, for a task that writes more than one table; a process that dies gives it back.

        CommitConflictError when it does not come in time.
        """
        with self._log.exclusively(task):
            yield

    def _change(self, name: TableId, change: Callable[[Table], Any]) -> TableInfo:
        """Change a table's metadata under its writer lock."""
        uid = load_table(self._catalog, name).metadata.table_uuid
        with self._log.locked(name, uid):
            change(load_table(self._catalog, name))
        return self.describe(name)


def _changed(table: Table, properties: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in properties.items() if table.properties.get(key) != value}


def _set_properties(table: Table, properties: Mapping[str, str]) -> None:
    if changed := _changed(table, properties):
        with table.transaction() as transaction:
            transaction.set_properties(changed)


def _info(name: TableId, table: Table) -> TableInfo:
    newest = table.current_snapshot()
    summary = summary_of(newest) if newest else {}
    own = {key: value for key, value in table.properties.items() if key not in _FIXED_PROPERTIES}
    return TableInfo(
        table=name,
        uid=str(table.metadata.table_uuid),
        schema=from_iceberg_schema(table.schema()),
        description=own.pop(_DESCRIPTION, ""),
        properties=MappingProxyType(own),
        location=table.location(),
        snapshot_id=newest.snapshot_id if newest else None,
        snapshot_count=len(table.snapshots()),
        rows=int(summary.get("total-records", "0")),
        bytes=int(summary.get("total-files-size", "0")),
        files=int(summary.get("total-data-files", "0")),
        update_time=datetime.fromtimestamp(table.metadata.last_updated_ms / 1000, UTC),
    )


def _snapshot_info(snapshot: Snapshot) -> SnapshotInfo:
    summary = summary_of(snapshot)
    return SnapshotInfo(
        snapshot_id=snapshot.snapshot_id,
        parent_id=snapshot.parent_snapshot_id,
        sequence=snapshot.sequence_number or 0,
        create_time=time_of(snapshot),
        operation=snapshot.summary.operation.value if snapshot.summary else "",
        rows_added=int(summary.get("lumbung.rows-added", summary.get("added-records", "0"))),
        rows_total=int(summary.get("total-records", "0")),
        run_id=summary.get(RUN_ID),
        summary=MappingProxyType(summary),
    )
