"""Stores in memory, for tests of the use cases."""

from catalog_service.storage.memory.audit import MemoryAuditStore
from catalog_service.storage.memory.declarations import MemoryDeclarationStore, MemorySnapshotStore
from catalog_service.storage.memory.lineage import MemoryLineageStore

__all__ = ["MemoryAuditStore", "MemoryDeclarationStore", "MemoryLineageStore", "MemorySnapshotStore"]
