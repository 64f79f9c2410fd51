"""Declarations and snapshots in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from catalog_service.domain.dataset import Snapshot
from catalog_service.storage.ports import (
    Changes,
    Declaration,
    DeclarationStore,
    Kind,
    Revision,
    SnapshotStore,
)

__all__ = ["MemoryDeclarationStore", "MemorySnapshotStore"]


class MemoryDeclarationStore(DeclarationStore):
    """Declarations in a dict."""

    def __init__(self) -> None:
        self._declarations: dict[tuple[Kind, str], Declaration] = {}
        self._history: dict[tuple[Kind, str], list[Revision]] = {}
        self.columns: dict[str, tuple[int, tuple[str, ...]]] = {}
        self._change_id = 0

    def next_change(self) -> int:
        """The next place in the order of changes."""
        self._change_id += 1
        return self._change_id

    async def apply_declaration(
        self, kind: Kind, name: str, text: str, digest: bytes, username: str, *, only_new: bool = False
    ) -> Declaration:
        """See the port."""
        known = self._declarations.get((kind, name))
        if known is not None and (only_new or known.digest == digest):
            return known
        now = datetime.now(UTC)
        declaration = Declaration(
            kind=kind,
            name=name,
            text=text,
            digest=digest,
            revision=known.revision + 1 if known else 1,
            create_time=known.create_time if known else now,
            update_time=now,
            change_id=self.next_change(),
        )
        self._declarations[(kind, name)] = declaration
        self._history.setdefault((kind, name), []).append(Revision(declaration.revision, text, username, now))
        return declaration

    async def changes(self, after: int) -> Changes:
        """See the port."""
        changed = [d for d in self._declarations.values() if d.change_id > after]
        columns = {name: names for name, (change, names) in self.columns.items() if change > after}
        return Changes(sorted(changed, key=lambda d: d.change_id), columns, max(after, self._change_id))

    async def history(self, kind: Kind, name: str) -> list[Revision]:
        """See the port."""
        return list(self._history.get((kind, name), ()))


class MemorySnapshotStore(SnapshotStore):
    """Snapshots in a list."""

    def __init__(self, declarations: MemoryDeclarationStore) -> None:
        self._declarations = declarations
        self._snapshots: list[Snapshot] = []

    async def record_snapshot(self, snapshot: Snapshot, columns: Sequence[str]) -> Snapshot:
        """See the port."""
        for known in self._snapshots:
            if (known.dataset, known.snapshot) == (snapshot.dataset, snapshot.snapshot):
                return known
        kept = replace(snapshot, sequence=len(self._snapshots) + 1, create_time=datetime.now(UTC))
        self._snapshots.append(kept)
        names = tuple(columns)
        if self._declarations.columns.get(snapshot.dataset, (0, ()))[1] != names:
            self._declarations.columns[snapshot.dataset] = (self._declarations.next_change(), names)
        return kept

    async def latest_snapshots(self, datasets: Sequence[str]) -> dict[str, Snapshot]:
        """See the port."""
        return {snapshot.dataset: snapshot for snapshot in self._snapshots if snapshot.dataset in datasets}

    async def list_snapshots(self, dataset: str, before: int | None, limit: int) -> list[Snapshot]:
        """See the port."""
        found = [
            snapshot
            for snapshot in reversed(self._snapshots)
            if snapshot.dataset == dataset and (before is None or snapshot.sequence < before)
        ]
        return found[:limit]
