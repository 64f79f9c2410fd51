"""pyiceberg's commit without what grows with the number of commits: copies of the metadata, manifests of nothing."""

from collections.abc import Mapping

from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update import TableUpdate
from pyiceberg.table.update.snapshot import _OverwriteFiles
from typing_extensions import override


class LeanTransaction(Transaction):
    """A transaction that makes its view of the metadata once per change.

    pyiceberg makes a deep copy at each look, some twenty in one commit.
    """

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._view: tuple[TableMetadata, tuple[TableUpdate, ...], TableMetadata] | None = None

    @property
    @override
    def table_metadata(self) -> TableMetadata:
        """The table's metadata with what has been staged; a copy that nobody changes."""
        base, updates = self._table.metadata, self._updates
        if self._view is None or self._view[0] is not base or self._view[1] is not updates:
            self._view = (base, updates, super().table_metadata)
        return self._view[2]

    def overwrite_files(self, entries: Mapping[str, str]) -> "_LeanOverwrite":
        """Deletes and adds files in one snapshot, whose summary carries these entries."""
        operation = (
            Operation.APPEND if self.table_metadata.current_snapshot() is None else Operation.OVERWRITE
        )
        return _LeanOverwrite(
            operation, self, self._table.io, branch=MAIN_BRANCH, snapshot_properties=dict(entries)
        )

    def tag(self, snapshot_id: int, name: str) -> None:
        """Names a snapshot of this transaction, in the same commit."""
        # Without pyiceberg's requirement, which refuses any tag on a table that had no snapshot: the writer holds the lock.
        updates, _requirements = self._set_ref_snapshot(snapshot_id, name, SnapshotRefType.TAG)
        self._apply(updates)


class _LeanOverwrite(_OverwriteFiles):
    """Leaves out manifests that hold nothing but files which earlier snapshots deleted, as Iceberg for Java does.

    pyiceberg carries them along for ever, and every later commit and scan reads them all.
    """

    @override
    def _existing_manifests(self) -> list[ManifestFile]:
        return [
            manifest
            for manifest in super()._existing_manifests()
            if manifest.has_added_files() or manifest.has_existing_files()
        ]
