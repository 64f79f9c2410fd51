"""How a table stands: files, rows, snapshots, metadata. From metadata only; no data file is opened."""

import threading
from dataclasses import dataclass
from datetime import datetime

from pyiceberg.manifest import ManifestContent, ManifestFile
from pyiceberg.table import Table

from lake.iceberg import LakeCatalog, load_table
from lake.schema import TableId
from lake.summary import summary_of, time_of

__all__ = ["HealthMeter", "TableHealth"]


@dataclass(frozen=True)
class TableHealth:
    """A table's newest snapshot in numbers.

    `files` and `bytes` are its live data files; `small_files` are those of them below the size that was asked for.
    `snapshots` counts all that are kept. `metadata_bytes` is the size of the metadata file, which every commit writes anew.
    `commit_time` (UTC) is that of the newest snapshot, None before the first.
    """

    table: TableId
    files: int
    small_files: int
    bytes: int
    rows: int
    delete_files: int
    snapshots: int
    metadata_bytes: int
    commit_time: datetime | None


@dataclass(frozen=True)
class _Seen:
    """What was found at one metadata file, and the small files of each of its manifests."""

    location: str
    small_file_bytes: int
    health: TableHealth
    manifests: dict[str, int]


class HealthMeter:
    """Measures tables and remembers what cannot change.

    Totals come from the snapshot's summary. Only the number of small files is in no summary: it is counted in the
    manifests, each of which is read once, since it never changes. A table that did not change costs one query.
    """

    def __init__(self, catalog: LakeCatalog) -> None:
        self._catalog = catalog
        self._seen: dict[TableId, _Seen] = {}
        self._lock = threading.Lock()

    def measure(self, name: TableId, small_file_bytes: int) -> TableHealth:
        """The table as it stands now; TableNotFoundError when there is none."""
        table = load_table(self._catalog, name)
        with self._lock:
            seen = self._seen.get(name)
        if seen is not None and seen.small_file_bytes != small_file_bytes:
            seen = None
        if seen is not None and seen.location == table.metadata_location:
            return seen.health
        manifests = _small_files(table, seen.manifests if seen else {}, small_file_bytes)
        health = _health(name, table, sum(manifests.values()))
        with self._lock:
            self._seen[name] = _Seen(table.metadata_location, small_file_bytes, health, manifests)
        return health


def _small_files(table: Table, known: dict[str, int], below: int) -> dict[str, int]:
    """Live small data files of each data manifest of the newest snapshot."""
    newest = table.current_snapshot()
    if newest is None:
        return {}
    found: dict[str, int] = {}
    for manifest in newest.manifests(table.io):
        if manifest.content == ManifestContent.DATA:
            path = manifest.manifest_path
            found[path] = known[path] if path in known else _count(table, manifest, below)
    return found


def _count(table: Table, manifest: ManifestFile, below: int) -> int:
    entries = manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    return sum(entry.data_file.file_size_in_bytes < below for entry in entries)


def _health(name: TableId, table: Table, small_files: int) -> TableHealth:
    newest = table.current_snapshot()
    summary = summary_of(newest) if newest else {}
    return TableHealth(
        table=name,
        files=int(summary.get("total-data-files", "0")),
        small_files=small_files,
        bytes=int(summary.get("total-files-size", "0")),
        rows=int(summary.get("total-records", "0")),
        delete_files=int(summary.get("total-delete-files", "0")),
        snapshots=len(table.snapshots()),
        metadata_bytes=len(table.io.new_input(table.metadata_location)),
        commit_time=time_of(newest) if newest else None,
    )
