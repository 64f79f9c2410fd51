"""Stores in PostgreSQL."""

from catalog_service.storage.postgres.audit import PostgresAuditStore
from catalog_service.storage.postgres.declarations import PostgresDeclarationStore
from catalog_service.storage.postgres.lineage import PostgresLineageStore
from catalog_service.storage.postgres.snapshots import PostgresSnapshotStore

__all__ = ["PostgresAuditStore", "PostgresDeclarationStore", "PostgresLineageStore", "PostgresSnapshotStore"]
