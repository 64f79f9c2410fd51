"""The stores that the use cases need. A fake for tests subclasses them."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from catalog_service.domain.audit import Entry, Head, Recorded
from catalog_service.domain.dataset import Snapshot
from catalog_service.domain.lineage import Edge

__all__ = [
    "AuditStore",
    "Changes",
    "Declaration",
    "DeclarationStore",
    "Kind",
    "LineageStore",
    "Revision",
    "SnapshotStore",
]


class Kind(StrEnum):
    """What is declared."""

    DATASET = "dataset"
    POLICY = "policy"
    TERM = "term"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration as it stands. `change_id` grows with every change of anything declared."""

    kind: Kind
    name: str
    text: str
    digest: bytes
    revision: int
    create_time: datetime
    update_time: datetime
    change_id: int


@dataclass(frozen=True, slots=True)
class Revision:
    """One change of a declaration, by whom and when."""

    revision: int
    text: str
    username: str
    change_time: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed after a `change_id`, in order; `last` is where to go on from."""

    declarations: Sequence[Declaration]
    table_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    last: int = 0


class DeclarationStore(ABC):
    """Keeps declarations with every change of them."""

    @abstractmethod
    async def apply_declaration(
        self, kind: Kind, name: str, text: str, digest: bytes, username: str, *, only_new: bool = False
    ) -> Declaration:
        """Keeps a declaration and returns how it stands: for ApplyDataset, ApplyPolicy and ApplyGlossaryTerm.

        An equal digest changes nothing; with `only_new` an existing declaration stays as it is.
        """

    @abstractmethod
    async def changes(self, after: int) -> Changes:
        """What changed after `after`; a change is seen in order, none is ever skipped.

        GetDataset, ListDatasets, ListPolicies, ListGlossaryTerms and DecideAccess are answered from what it tells.
        """

    @abstractmethod
    async def history(self, kind: Kind, name: str) -> list[Revision]:
        """Every revision, oldest first."""


class SnapshotStore(ABC):
    """Keeps the snapshots of datasets."""

    @abstractmethod
    async def record_snapshot(self, snapshot: Snapshot, columns: Sequence[str]) -> Snapshot:
        """Keeps a snapshot and the columns that the table has with it; a known one is returned unchanged."""

    @abstractmethod
    async def latest_snapshots(self, datasets: Sequence[str]) -> dict[str, Snapshot]:
        """The newest snapshot of each dataset that has one; GetDataset and ListDatasets show it."""

    @abstractmethod
    async def list_snapshots(self, dataset: str, before: int | None, limit: int) -> list[Snapshot]:
        """Snapshots with a sequence under `before`, newest first."""


class LineageStore(ABC):
    """Keeps edges of lineage."""

    @abstractmethod
    async def record_lineage(self, edges: Sequence[Edge]) -> None:
        """Keeps edges; a known one is left as it is."""

    @abstractmethod
    async def get_lineage(self, asset: str, depth: int, limit: int) -> list[Edge]:
        """Edges that `depth` steps up or down from an asset reach, at most `limit`."""


class AuditStore(ABC):
    """The log. Entries are only ever appended."""

    @abstractmethod
    async def record_audit_entries(self, entries: Sequence[Entry]) -> Head:
        """Appends entries whose uid is new, all or none, and returns the end of the log.

        Raises:
            AuditLogBrokenError: the record of the log's end is gone, or entries stand behind it.
        """

    @abstractmethod
    async def list_audit_entries(
        self, before: int | None, limit: int, resource: str, username: str
    ) -> list[Recorded]:
        """Entries with a sequence under `before`, newest first; an empty filter means all."""

    @abstractmethod
    def read_audit_log(self) -> AsyncIterator[Sequence[Recorded] | Head | None]:
        """For VerifyAuditLog, one consistent view: batches by sequence, then the log's end (None: it is gone)."""
