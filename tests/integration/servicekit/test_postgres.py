"""Migrations and pools against a real PostgreSQL."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import psycopg
import psycopg_pool
import pytest

from servicekit.postgres import connection_info, migrate, open_pool
from servicekit.settings import PostgresSettings

from support.ports import free_port


@pytest.fixture
def settings(postgres_server):
    database = postgres_server.create_database("servicekit")
    yield PostgresSettings(
        host=database.host,
        port=database.port,
        database=database.database,
        user=database.user,
        password=database.password,
        pool_max=2,
    )
    postgres_server.drop_database(database)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE a (x int); INSERT INTO a VALUES (1);")
    (tmp_path / "0002_second.sql").write_text("SELECT pg_sleep(0.3); INSERT INTO a VALUES (2);")
    return tmp_path


def _rows(settings):
    with psycopg.connect(connection_info(settings)) as connection:
        return [row[0] for row in connection.execute("SELECT x FROM a ORDER BY x").fetchall()]


def test_migrations_run_once_however_many_start_them(settings, folder):
    with ThreadPoolExecutor(6) as threads:
        applied = list(threads.map(lambda _: migrate(settings, folder), range(6)))
    assert max(applied, key=len) == ["0001_first.sql", "0002_second.sql"]
    assert sum(len(names) for names in applied) == 2
    assert _rows(settings) == [1, 2]


def test_a_failing_file_is_named_and_what_came_before_stays(settings, folder):
    (folder / "0003_third.sql").write_text("INSERT INTO a VALUES (3); SELECT nonsense;")
    with pytest.raises(psycopg.errors.UndefinedColumn) as caught:
        migrate(settings, folder)
    assert caught.value.__notes__ == ["in the migration 0003_third.sql"]
    assert _rows(settings) == [1, 2]
    (folder / "0003_third.sql").write_text("INSERT INTO a VALUES (3);")
    assert migrate(settings, folder) == ["0003_third.sql"]


def test_a_start_waits_for_a_server_that_comes_late(settings, folder, monkeypatch):
    monkeypatch.setattr("servicekit.postgres.migrations.PAUSE_SECONDS", 0.05)
    silent = settings.model_copy(update={"port": free_port(), "wait_seconds": 20.0})
    attempts = []
    connect = psycopg.connect

    def connect_late(conninfo, **rest):
        attempts.append(conninfo)
        return connect(conninfo if len(attempts) < 3 else connection_info(settings), **rest)

    monkeypatch.setattr(psycopg, "connect", connect_late)
    assert migrate(silent, folder) == ["0001_first.sql", "0002_second.sql"]
    assert len(attempts) == 3


def test_a_start_does_not_wait_for_ever(settings, folder, monkeypatch):
    monkeypatch.setattr("servicekit.postgres.migrations.PAUSE_SECONDS", 0.05)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        migrate(settings.model_copy(update={"port": free_port(), "wait_seconds": 0.3}), folder)


@pytest.mark.parametrize("name", ["third.sql", "0002_again.sql", "3_third.sql"])
def test_names_are_checked_before_anything_runs(settings, folder, name):
    (folder / name).write_text("SELECT 1")
    with pytest.raises(ValueError, match=name[:4]):
        migrate(settings, folder)


async def test_a_pool_gives_dicts_in_utc_and_bounds_each_statement(settings):
    pool = await open_pool(settings)
    async with pool, pool.connection() as connection:
        row = await (
            await connection.execute(
                "SELECT current_setting('timezone') AS zone, current_setting('statement_timeout') AS bound"
            )
        ).fetchone()
    assert row == {"zone": "UTC", "bound": "30s"}


async def test_a_pool_that_cannot_open_leaves_nothing_behind(settings, monkeypatch):
    monkeypatch.setattr("servicekit.postgres.pool.OPEN_SECONDS", 0.5)
    before = asyncio.all_tasks()
    with pytest.raises(psycopg_pool.PoolTimeout):
        await open_pool(settings.model_copy(update={"port": free_port()}))
    await asyncio.sleep(0.2)
    assert asyncio.all_tasks() == before
