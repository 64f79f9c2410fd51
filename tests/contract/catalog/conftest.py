"""Every store in memory and in PostgreSQL."""

from dataclasses import dataclass
from importlib.resources import files

import pytest

from catalog_service.storage.memory import (
    MemoryAuditStore,
    MemoryDeclarationStore,
    MemoryLineageStore,
    MemorySnapshotStore,
)
from catalog_service.storage.ports import AuditStore, DeclarationStore, LineageStore, SnapshotStore
from catalog_service.storage.postgres import (
    PostgresAuditStore,
    PostgresDeclarationStore,
    PostgresLineageStore,
    PostgresSnapshotStore,
)
from servicekit.postgres import migrate, open_pool

from support.catalog_server import postgres_settings

KEY = b"test key"


@dataclass(frozen=True)
class Stores:
    declarations: DeclarationStore
    snapshots: SnapshotStore
    lineage: LineageStore
    audit: AuditStore


@pytest.fixture(params=["memory", "postgres"])
async def stores(request):
    if request.param == "memory":
        declarations = MemoryDeclarationStore()
        yield Stores(
            declarations, MemorySnapshotStore(declarations), MemoryLineageStore(), MemoryAuditStore(KEY)
        )
        return
    server = request.getfixturevalue("postgres_server")
    database = server.create_database("catalog")
    settings = postgres_settings(database)
    migrate(settings, files("catalog_service.storage") / "migrations")
    pool = await open_pool(settings)
    yield Stores(
        PostgresDeclarationStore(pool),
        PostgresSnapshotStore(pool),
        PostgresLineageStore(pool),
        PostgresAuditStore(pool, KEY),
    )
    await pool.close()
    server.drop_database(database)
