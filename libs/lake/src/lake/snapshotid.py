"""Snapshots by number."""

from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from lake.errors import SnapshotNotFoundError
from lake.schema import TableId
from servicekit.errors import Text

__all__ = ["require_snapshot"]


def require_snapshot(table: Table, name: TableId, snapshot_id: int) -> Snapshot:
    """A snapshot of a table; SnapshotNotFoundError when there is none."""
    found = table.snapshot_by_id(snapshot_id)
    if found is None:
        raise SnapshotNotFoundError(
            Text(
                id=f"Tabel {name} tidak memiliki snapshot {snapshot_id}.",
                en=f"Table {name} has no snapshot {snapshot_id}.",
            ),
            Text(id="Lihat daftar snapshot.", en="See the list of snapshots."),
        )
    return found
