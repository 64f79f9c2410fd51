"""One suite over every registry store."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import psycopg
import pytest

from inference_service.domain.model import Deployment, ModelVersion, Signature, TensorSpec
from inference_service.domain.names import VersionRef
from inference_service.errors import VersionNotFoundError
from inference_service.storage.memory import MemoryRegistryStore
from inference_service.storage.postgres import PostgresRegistryStore
from servicekit.postgres import migrate, open_pool
from servicekit.settings import PostgresSettings

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture(params=["memory", "postgres"])
async def store(request):
    if request.param == "memory":
        yield MemoryRegistryStore()
        return
    server = request.getfixturevalue("postgres_server")
    database = server.create_database("inference")
    settings = PostgresSettings(
        host=database.host,
        port=database.port,
        database=database.database,
        user=database.user,
        password=database.password,
    )
    await asyncio.to_thread(migrate, settings, files("inference_service.storage") / "migrations")
    pool = await open_pool(settings)
    yield PostgresRegistryStore(pool)
    await pool.close()
    server.drop_database(database)


def _version(model="budget", file="a", **changes):
    version = ModelVersion(
        ref=VersionRef(model, 1),
        description="Peramalan",
        signature=Signature((TensorSpec("x", "FP64", (-1, 7)),), (TensorSpec("y", "FP64", (-1, 1)),)),
        training_snapshots=("datasets/apbd/snapshots/9007199254740993",),
        metrics={"wape": 0.125},
        sha256=file * 64,
        size_bytes=100,
        object_key=f"models/{model}/{file}.onnx",
        creator="ilmuwan-pusat",
        create_time=NOW,
    )
    return replace(version, **changes)


async def test_a_version_comes_back_as_it_went_in(store):
    added = await store.register_model_version(_version(request_id="r-1"))
    assert added == _version(request_id="r-1")
    assert await store.get_model_version(VersionRef("budget", 1)) == added


async def test_versions_count_from_one_in_each_model(store):
    assert [(await store.register_model_version(_version(file=f))).ref.version for f in "abc"] == [1, 2, 3]
    assert (await store.register_model_version(_version("other", "a"))).ref == VersionRef("other", 1)


async def test_the_same_file_or_request_is_the_same_version(store):
    first = await store.register_model_version(_version(request_id="r-1"))
    assert await store.register_model_version(_version(description="anew")) == first
    assert await store.register_model_version(_version(file="b", request_id="r-1")) == first
    assert (await store.register_model_version(_version(file="b"))).ref.version == 2
    assert await store.find_by_request("budget", "r-1") == first
    assert await store.find_by_sha256("budget", "a" * 64) == first
    assert await store.find_by_request("other", "r-1") is None
    assert await store.find_by_sha256("other", "a" * 64) is None


async def test_racing_registrations_get_different_numbers_without_gaps(store):
    files_ = "0123456789abcdef"
    added = await asyncio.gather(*(store.register_model_version(_version(file=file)) for file in files_))
    assert sorted(version.ref.version for version in added) == list(range(1, 17))
    again = await asyncio.gather(*(store.register_model_version(_version(file="0")) for _ in range(5)))
    assert len({again_.ref for again_ in again}) == 1


async def test_unknown_versions(store):
    with pytest.raises(VersionNotFoundError, match="models/budget/versions/9"):
        await store.get_model_version(VersionRef("budget", 9))
    with pytest.raises(VersionNotFoundError):
        await store.set_deployment(Deployment(VersionRef("budget", 9), "someone", NOW))


async def test_pages_newest_first(store):
    for model, file in (("budget", "a"), ("other", "a"), ("budget", "b"), ("budget", "c")):
        await store.register_model_version(_version(model, file))
    page = await store.list_model_versions("budget", limit=2, before=None)
    assert [v.ref.version for v in page.versions] == [3, 2]
    rest = await store.list_model_versions("budget", limit=2, before=page.next_position)
    assert ([v.ref.version for v in rest.versions], rest.next_position) == ([1], None)
    everything = await store.list_model_versions(None, limit=10, before=None)
    assert [str(v.ref) for v in everything.versions][1:3] == [
        "models/budget/versions/2",
        "models/other/versions/1",
    ]
    assert (await store.list_model_versions("nothing", limit=10, before=None)).versions == []


async def test_a_model_has_one_deployment(store):
    for file in "ab":
        await store.register_model_version(_version(file=file))
    first = Deployment(VersionRef("budget", 1), "one", NOW)
    second = Deployment(VersionRef("budget", 2), "two", NOW + timedelta(seconds=1))
    assert await store.set_deployment(first) is None
    assert await store.set_deployment(second) == first
    assert await store.list_deployments() == [second]
    assert await store.delete_deployment("budget") == second
    assert await store.delete_deployment("budget") is None
    assert await store.list_deployments() == []


async def test_postgres_itself_refuses_to_change_a_version(postgres_server):
    database = postgres_server.create_database("inference")
    settings = PostgresSettings(
        host=database.host,
        port=database.port,
        database=database.database,
        user=database.user,
        password=database.password,
    )
    await asyncio.to_thread(migrate, settings, files("inference_service.storage") / "migrations")
    pool = await open_pool(settings)
    try:
        await PostgresRegistryStore(pool).register_model_version(_version())
        async with pool.connection() as connection:
            with pytest.raises(psycopg.errors.RaiseException, match="immutable"):
                await connection.execute("UPDATE model_versions SET description = 'other'")
    finally:
        await pool.close()
        postgres_server.drop_database(database)
