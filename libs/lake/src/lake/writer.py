"""The one writer of a table: a lock, a fresh view of the table, one snapshot, one record."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any, TypeAlias
from uuid import UUID

import polars as pl
import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, GreaterThanOrEqual, LessThanOrEqual
from pyiceberg.expressions.visitors import _StrictMetricsEvaluator
from pyiceberg.io.pyarrow import parquet_file_to_data_file, schema_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.utils.concurrent import ExecutorFactory

from lake.commits import CommitLog, CommitResult, LockedLog
from lake.decision import RowFilter
from lake.errors import CommitConflictError, InvalidCommitError, OvertakenError, SchemaMismatchError
from lake.iceberg import LakeCatalog, load_table
from lake.objectstore import ObjectStore
from lake.outages import outages
from lake.parquet import WriteTarget, WrittenFile, write_parquet
from lake.rowfilter import to_iceberg, to_polars
from lake.scan import FileSource, scan_files
from lake.schema import TableId, TableSchema
from lake.snapshotid import require_snapshot
from lake.summary import CommitNote, ControlValue, result_of
from lake.transaction import LeanTransaction
from servicekit.errors import Text

TableData: TypeAlias = Sequence[WrittenFile] | pa.Table | pl.DataFrame | pl.LazyFrame
# Of a table and a run: the files that go, and new ones with those of their rows that stay.
_Replacement: TypeAlias = Callable[[Table, str], tuple[list[DataFile], list[DataFile]]]
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Follows:
    """What a commit expects: the newest commit whose property `name` is `value` made this snapshot (None: there is none)."""

    name: str
    value: str
    snapshot_id: int | None


@dataclass(frozen=True)
class _Change:
    """Files that a snapshot adds and drops. `kept` are new files with rows that were there before."""

    added: Sequence[DataFile]
    dropped: Sequence[DataFile] = ()
    kept: Sequence[DataFile] = ()


class TableWriter:
    """Commits to one table. Every commit has a `run_id`, unique per table: the same id again returns the first
    result and changes nothing, also after a crash half way or a lost answer. Made by `Lake.writer`.
    """

    def __init__(
        self, catalog: LakeCatalog, log: CommitLog, objects: ObjectStore, source: FileSource, table: TableId
    ) -> None:
        self._catalog, self._log, self._objects, self._source = catalog, log, objects, source
        self._table = table

    @outages()
    def target(self, run_id: str) -> WriteTarget:
        """Where the tasks of this run write their files (see `write_parquet`)."""
        CommitNote.of(run_id, "append", None, None)
        return _target(self._load(), self._table, run_id)

    @outages()
    def append(
        self,
        data: TableData,
        *,
        run_id: str,
        controls: Mapping[str, ControlValue] | None = None,
        properties: Mapping[str, str] | None = None,
        tag: str | None = None,
        expected: int | None = None,
        follows: Follows | None = None,
    ) -> CommitResult:
        """Add rows in one snapshot. No file or no row is a legal commit.

        `controls` are control totals (name → exact value); `properties` are summary entries such as `submission`,
        `pipeline`, `trace_id`; `tag` names the snapshot for ever, in the same commit. With
        `expected`, a CommitConflictError unless that snapshot is still the newest; with `follows`, an OvertakenError unless
        that commit is still the newest of its kind.

        Raises:
            SchemaMismatchError: the data does not fit.
            InvalidCommitError: an id, a name, a value or a file is not usable.
            CommitConflictError: the writer lock did not come in time; try again with the same run_id.
            OvertakenError: another commit of this kind came first; nothing was committed.
        """
        note = CommitNote.of(run_id, "append", controls, properties)
        return self._write_and_commit(data, note, None, tag, expected, follows)

    @outages()
    def overwrite(
        self,
        data: TableData,
        *,
        run_id: str,
        where: RowFilter | None = None,
        controls: Mapping[str, ControlValue] | None = None,
        properties: Mapping[str, str] | None = None,
        tag: str | None = None,
        expected: int | None = None,
    ) -> CommitResult:
        """Replace the rows that match `where` (None: all rows) by `data`, in one snapshot. The rest as of `append`."""
        note = CommitNote.of(run_id, "overwrite", controls, properties)

        def matching(table: Table, run_id: str) -> tuple[list[DataFile], list[DataFile]]:
            return self._replace(table, run_id, where or RowFilter())

        return self._write_and_commit(data, note, matching, tag, expected)

    @outages()
    def restore(
        self,
        snapshot_id: int | None,
        *,
        run_id: str,
        expected: int,
        properties: Mapping[str, str] | None = None,
        tag: str | None = None,
    ) -> CommitResult:
        """Give the table the files of an earlier snapshot again (None: no file), as a new snapshot; no data is copied.

        Raises:
            SnapshotNotFoundError: there is no such snapshot.
            CommitConflictError: the newest snapshot is not `expected`, or as of `append`.
        """

        def change(table: Table) -> _Change:
            wanted: dict[str, DataFile] = {}
            if snapshot_id is not None:
                require_snapshot(table, self._table, snapshot_id)
                wanted = _files_of(table, snapshot_id)
            present = _files_of(table, expected)
            return _Change(
                added=[file for path, file in wanted.items() if path not in present],
                dropped=[file for path, file in present.items() if path not in wanted],
            )

        return self._commit(CommitNote.of(run_id, "overwrite", None, properties), change, tag, expected)

    @outages()
    def withdraw(
        self,
        withdrawn: str,
        *,
        rows: int,
        run_id: str,
        expected: int,
        properties: Mapping[str, str] | None = None,
        tag: str | None = None,
    ) -> CommitResult:
        """Take the files that the run `withdrawn` appended out of the table, which have `rows` rows in all.

        Raises:
            InvalidCommitError: its files hold another number of rows: they were written anew since.
            CommitConflictError: as of `restore`.
        """

        def change(table: Table) -> _Change:
            prefix = f"{_target(table, self._table, withdrawn).prefix}/"
            present = _files_of(table, expected)
            gone = [file for path, file in present.items() if path.startswith(prefix)]
            found = sum(file.record_count for file in gone)
            if found != rows:
                raise InvalidCommitError(
                    Text(
                        id=f"Tabel {self._table} masih memuat {found} dari {rows} baris run {withdrawn} dalam berkasnya sendiri.",
                        en=f"Table {self._table} holds {found} of the {rows} rows of run {withdrawn} in files of their own.",
                    ),
                    Text(
                        id="Kembalikan ke snapshot sebelumnya.",
                        en="Restore the snapshot before it instead.",
                    ),
                )
            return _Change(added=(), dropped=gone)

        return self._commit(CommitNote.of(run_id, "overwrite", None, properties), change, tag, expected)

    @outages()
    def upsert(
        self,
        data: TableData,
        *,
        keys: pl.DataFrame,
        run_id: str,
        controls: Mapping[str, ControlValue] | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> CommitResult:
        """Replace the rows whose key is in `keys` by `data`, in one snapshot. Errors as of `append`.

        `keys` has the key's columns with the table's types; a key without a row in `data` is a deletion. Files that
        hold such a key are written anew without it.
        """

        def with_key(table: Table, run_id: str) -> tuple[list[DataFile], list[DataFile]]:
            return self._without_keys(table, run_id, keys)

        note = CommitNote.of(run_id, "overwrite", controls, properties)
        return self._write_and_commit(data, note, with_key, None, None)

    @outages()
    def newest_commit(self, name: str, value: str) -> CommitResult | None:
        """The newest commit, of those that made the table what it is now, whose property `name` has this value.

        Snapshots that were rolled back do not count; those that expired are remembered.
        """
        table = self._load()
        return self._newest(table, name, value, partial(self._log.newest, _uid(table)))

    def _newest(
        self, table: Table, name: str, value: str, expired: Callable[..., CommitResult | None]
    ) -> CommitResult | None:
        snapshot, oldest = table.current_snapshot(), None
        while snapshot is not None:
            result = result_of(self._table, snapshot)
            if result is not None and result.properties.get(name) == value:
                return result
            oldest = snapshot.sequence_number or 0
            parent = snapshot.parent_snapshot_id
            snapshot = table.snapshot_by_id(parent) if parent is not None else None
        if oldest is None:
            return None
        return expired(name, value, before=oldest)

    @outages()
    def find_commit(self, run_id: str) -> CommitResult | None:
        """The commit of this run, also one whose record was lost in a crash; None when there is none."""
        return self._find(self._load(), run_id)

    def _find(self, table: Table, run_id: str) -> CommitResult | None:
        return self._log.find(_uid(table), run_id) or _in_snapshots(table, self._table, run_id)

    def _load(self) -> Table:
        return load_table(self._catalog, self._table)

    def _write_and_commit(
        self,
        data: TableData,
        note: CommitNote,
        replacement: _Replacement | None,
        tag: str | None,
        expected: int | None,
        follows: Follows | None = None,
    ) -> CommitResult:
        table = self._load()
        if found := self._find(table, note.run_id):
            return replace(found, repeated=True)
        # Data is written before the lock is taken: the lock is held for the metadata only.
        files = self._write(data, _target(table, self._table, note.run_id))

        def change(present: Table) -> _Change:
            added = _data_files(present, [file for file in files if file.rows])
            if replacement is None:
                return _Change(added)
            return _Change(added, *replacement(present, note.run_id))

        return self._commit(note, change, tag, expected, follows)

    def _commit(
        self,
        note: CommitNote,
        change: Callable[[Table], _Change],
        tag: str | None,
        expected: int | None,
        follows: Follows | None = None,
    ) -> CommitResult:
        table = self._load()
        if found := self._find(table, note.run_id):
            return replace(found, repeated=True)
        with self._log.locked(self._table, _uid(table)) as log:
            table = self._load()
            self._heal(table, log)
            found = log.find(note.run_id) or _in_snapshots(table, self._table, note.run_id)
            if found is not None:
                log.add(found)
                return replace(found, repeated=True)
            newest = table.current_snapshot()
            if expected is not None and (newest is None or newest.snapshot_id != expected):
                raise _conflict(self._table)
            if follows is not None:
                self._expect(table, follows, log)
            result = self._make_snapshot(table, change(table), note, tag)
            log.add(result)
            return result

    def _expect(self, table: Table, follows: Follows, log: LockedLog) -> None:
        newest = self._newest(table, follows.name, follows.value, log.newest)
        found = newest.snapshot_id if newest is not None else None
        if found != follows.snapshot_id:
            raise OvertakenError(
                Text(
                    id=f"Tabel {self._table}: snapshot {found} mendahului, bukan {follows.snapshot_id}.",
                    en=f"Table {self._table}: snapshot {found} came first, {follows.snapshot_id} was expected.",
                ),
                Text(id="Baca ulang posisinya, lalu ulangi.", en="Read the position again, then try again."),
            )

    def _heal(self, table: Table, log: LockedLog) -> None:
        """Record the newest snapshot if its writer died before it could: so expiry never forgets a run."""
        newest = table.current_snapshot()
        if newest is not None and (result := result_of(self._table, newest)) is not None:
            log.add(result)

    def _write(self, data: TableData, target: WriteTarget) -> list[WrittenFile]:
        if isinstance(data, pa.Table):
            data = pl.DataFrame(pl.from_arrow(data))
        if isinstance(data, pl.DataFrame | pl.LazyFrame):
            return [write_parquet(self._objects, data, target, "data")]
        for file in data:
            if file.rows and not file.path.startswith(f"{target.prefix}/"):
                raise InvalidCommitError(
                    Text(
                        id=f"Berkas {file.path} tidak terletak di bawah {target.prefix}/.",
                        en=f"File {file.path} does not lie under {target.prefix}/.",
                    ),
                    Text(
                        id="Tulis dengan write_parquet dan target run ini.",
                        en="Write it with this run's target.",
                    ),
                )
        return list(data)

    def _make_snapshot(
        self, table: Table, change: _Change, note: CommitNote, tag: str | None
    ) -> CommitResult:
        added = change.added
        entries = note.entries(sum(f.record_count for f in added), sum(f.file_size_in_bytes for f in added))
        transaction = LeanTransaction(table)
        producer: Any = (
            transaction.update_snapshot(snapshot_properties=entries).merge_append()
            if note.mode == "append"
            else transaction.overwrite_files(entries)
        )
        with producer:
            for file in change.dropped:
                producer.delete_data_file(file)
            for file in (*added, *change.kept):
                producer.append_data_file(file)
        if tag is not None:
            transaction.tag(producer.snapshot_id, tag)
        try:
            transaction.commit_transaction()
        except Exception as error:
            # The answer may have been lost after the catalog had taken the commit: the table tells.
            landed = _in_snapshots(self._load(), self._table, note.run_id)
            if landed is None:
                if isinstance(error, CommitFailedException):
                    raise _conflict(self._table) from error
                raise
            _logger.warning("commit %s of %s landed in spite of %r", note.run_id, self._table, error)
            return landed
        result = _in_snapshots(table, self._table, note.run_id)
        if result is None:
            raise RuntimeError(f"commit {note.run_id} of {self._table} left no snapshot")
        return result

    def _replace(self, table: Table, run_id: str, where: RowFilter) -> tuple[list[DataFile], list[DataFile]]:
        """Files that go, and new files with those of their rows that stay."""
        schema = table.schema()
        expression = to_iceberg(where, schema)
        inside = _StrictMetricsEvaluator(schema, expression)
        target = _target(table, self._table, run_id)
        dropped: list[DataFile] = []
        written: list[WrittenFile] = []
        numbers = count()
        for task in table.scan(row_filter=expression).plan_files():
            file = task.file
            if not inside.eval(file):
                frame = scan_files(table, [(file.file_path, file.file_size_in_bytes)], self._source)
                matches = to_polars(where, TableSchema.from_arrow(target.schema)).fill_null(value=False)
                rest = frame.filter(~matches)
                part = write_parquet(self._objects, rest, target, f"kept-{next(numbers):05}")
                if part.rows == file.record_count:
                    continue
                written.append(part)
            dropped.append(file)
        return dropped, _data_files(table, [file for file in written if file.rows])

    def _without_keys(
        self, table: Table, run_id: str, keys: pl.DataFrame
    ) -> tuple[list[DataFile], list[DataFile]]:
        """As `_replace`, for the rows whose key is in `keys`; a file is read whole only where it holds one."""
        target = _target(table, self._table, run_id)
        dropped: list[DataFile] = []
        written: list[WrittenFile] = []
        if keys.is_empty():
            return dropped, []
        wanted = keys.unique()
        for task in table.scan(row_filter=_within(keys)).plan_files():
            file = task.file
            frame = scan_files(table, [(file.file_path, file.file_size_in_bytes)], self._source)
            found = frame.select(keys.columns).join(wanted.lazy(), on=keys.columns, how="semi")
            if found.head(1).collect().is_empty():
                continue
            rest = frame.join(wanted.lazy(), on=keys.columns, how="anti", maintain_order="left")
            written.append(write_parquet(self._objects, rest, target, f"kept-{len(dropped):05}"))
            dropped.append(file)
        return dropped, _data_files(table, [file for file in written if file.rows])


def _within(keys: pl.DataFrame) -> BooleanExpression:
    """What files may hold one of these keys, by the bounds that Iceberg keeps of them."""
    # These constructors are made at run time; checkers cannot agree on it.
    both: Any = And
    least: Any = GreaterThanOrEqual
    most: Any = LessThanOrEqual
    found: BooleanExpression = AlwaysTrue()
    for column in keys:
        if column.dtype == pl.String or column.dtype.is_integer():
            found = both(found, both(least(column.name, column.min()), most(column.name, column.max())))
    return found


def _target(table: Table, name: TableId, run_id: str) -> WriteTarget:
    prefix = f"{table.location()}/data/run={run_id}"
    return WriteTarget(str(name), run_id, prefix, schema_to_pyarrow(table.schema()))


def _uid(table: Table) -> UUID:
    return table.metadata.table_uuid


def _in_snapshots(table: Table, name: TableId, run_id: str) -> CommitResult | None:
    for snapshot in reversed(table.snapshots()):
        result = result_of(name, snapshot)
        if result is not None and result.run_id == run_id:
            return result
    return None


def _files_of(table: Table, snapshot_id: int) -> dict[str, DataFile]:
    """A snapshot's data files by address."""
    tasks = table.scan(snapshot_id=snapshot_id).plan_files()
    return {task.file.file_path: task.file for task in tasks}


def _data_files(table: Table, files: Sequence[WrittenFile]) -> list[DataFile]:
    """What Iceberg records of each file; its footer is read again, so that a missing or foreign object shows."""
    executor = ExecutorFactory.get_or_create()
    futures = [
        executor.submit(parquet_file_to_data_file, table.io, table.metadata, file.path) for file in files
    ]
    found: list[DataFile] = []
    for file, future in zip(files, futures, strict=True):
        try:
            data_file = future.result()
        except (FileNotFoundError, KeyError, ValueError, pa.ArrowException) as error:
            raise SchemaMismatchError(
                Text(
                    id=f"Berkas {file.path} tidak dapat masuk ke tabel: {error}",
                    en=f"File {file.path} cannot enter the table: {error}",
                ),
                Text(id="Jalankan ulang tugasnya.", en="Run its task again."),
            ) from error
        if (data_file.record_count, data_file.file_size_in_bytes) != (file.rows, file.bytes):
            raise InvalidCommitError(
                Text(
                    id=f"Berkas {file.path} berisi {data_file.record_count} baris, tugas melaporkan {file.rows}.",
                    en=f"File {file.path} holds {data_file.record_count} rows, its task reported {file.rows}.",
                ),
                Text(id="Jalankan ulang tugasnya.", en="Run its task again."),
            )
        found.append(data_file)
    return found


def _conflict(table: TableId) -> CommitConflictError:
    return CommitConflictError(
        Text(
            id=f"Tabel {table} diubah penulis lain pada saat yang sama.",
            en=f"Another writer changed table {table} at the same time.",
        ),
        Text(id="Ulangi dengan run_id yang sama.", en="Try again with the same run_id."),
        retry_after_seconds=1,
    )
