"""Each implementation of a store."""

from importlib.resources import files

import pytest

from compute_service.storage.memory import MemoryPipelineStore, MemoryRunStore
from compute_service.storage.postgres import PostgresPipelineStore, PostgresRunStore
from servicekit.postgres import migrate, open_pool
from servicekit.settings import PostgresSettings


@pytest.fixture(scope="module")
def database_settings(postgres_server):
    database = postgres_server.create_database("compute")
    settings = PostgresSettings(
        host=database.host,
        port=database.port,
        database=database.database,
        user=database.user,
        password=database.password,
    )
    folder = files("compute_service.storage") / "migrations"
    assert migrate(settings, folder)
    assert migrate(settings, folder) == []
    return settings


@pytest.fixture(params=["memory", "postgres"])
async def stores(request):
    """(pipelines, runs), empty."""
    if request.param == "memory":
        yield MemoryPipelineStore(), MemoryRunStore()
        return
    settings = request.getfixturevalue("database_settings")
    pool = await open_pool(settings)
    try:
        async with pool.connection() as connection:
            await connection.execute("TRUNCATE run_log, runs, pipelines")
        yield PostgresPipelineStore(pool), PostgresRunStore(pool, settings)
    finally:
        await pool.close()
