"""What a running service tells of the lake and of its queue."""

import re
import time

import httpx
import psycopg
import pytest

from servicekit.postgres import connection_info
from servicekit.settings import PostgresSettings

from support.budgets import fill
from support.compute_world import compute_world

SAMPLE = re.compile(r"^(\w+(?:\{[^}]*\})?) (\S+)$", re.MULTILINE)
OF_BUDGETS = '{dataset="apbd_panel",zone="lake"}'


@pytest.fixture(scope="module")
def world(tmp_path_factory, postgres_server, s3_server, catalog, signin):
    folder = tmp_path_factory.mktemp("compute")
    changes = {
        "lake_health": {
            "every_seconds": 1,
            "small_file_bytes": 2**20,
            "expected_hours": {"apbd_panel": 24},
        },
        "queue_metrics": {"every_seconds": 1},
        "query": {"warm": 0},
    }
    with compute_world(
        folder, postgres_server, s3_server, catalog, signin, parts=("service",), **changes
    ) as made:
        fill(made, files=4)
        yield made


def told(world):
    page = httpx.get(f"http://127.0.0.1:{world.ports['metrics']}/metrics", timeout=10).raise_for_status().text
    return {name: float(value) for name, value in SAMPLE.findall(page)}


def told_when(world, holds):
    """The first page on which it holds."""
    deadline = time.monotonic() + 30
    while True:
        page = told(world)
        if holds(page):
            return page
        assert time.monotonic() < deadline, page
        time.sleep(0.3)


def test_the_lakes_tables_are_told(world):
    page = told_when(world, lambda page: page.get(f"lumbung_lake_table_files{OF_BUDGETS}") == 4)
    info = world.lake.describe("apbd_panel")
    assert page[f"lumbung_lake_table_small_files{OF_BUDGETS}"] == 4
    assert page[f"lumbung_lake_table_rows{OF_BUDGETS}"] == info.rows
    assert page[f"lumbung_lake_table_bytes{OF_BUDGETS}"] == info.bytes
    assert page[f"lumbung_lake_table_snapshots{OF_BUDGETS}"] == info.snapshot_count
    assert page[f"lumbung_lake_table_expected_seconds{OF_BUDGETS}"] == 86400
    newest = world.lake.snapshots("apbd_panel")[0].create_time.timestamp()
    assert page[f"lumbung_lake_table_commit_timestamp_seconds{OF_BUDGETS}"] == pytest.approx(newest, abs=0.01)
    measured = told_when(
        world, lambda page: page['lumbung_measured_timestamp_seconds{measurement="lake"}'] > 0
    )
    assert abs(time.time() - measured['lumbung_measured_timestamp_seconds{measurement="lake"}']) < 10


def test_a_table_whose_metadata_is_lost_is_counted_and_the_others_go_on(world):
    world.lake.create_table("lost", world.lake.describe("apbd_panel").schema)
    database = PostgresSettings.model_validate({**world.lake_settings["postgres"]})
    with psycopg.connect(connection_info(database)) as connection:
        connection.execute(
            "UPDATE iceberg_tables SET metadata_location = replace(metadata_location, '/metadata/', '/gone/')"
            " WHERE table_name = 'lost'"
        )
    try:
        page = told_when(world, lambda page: page['lumbung_lake_tables{outcome="failed"}'] == 1)
        stood = page['lumbung_measured_timestamp_seconds{measurement="lake"}']
        failures = 'lumbung_measurement_failures_total{measurement="lake"}'
        page = told_when(world, lambda later: later[failures] >= page[failures] + 2)
        assert page['lumbung_measured_timestamp_seconds{measurement="lake"}'] == stood
        assert page[f"lumbung_lake_table_files{OF_BUDGETS}"] == 4
        assert "lost" in world.log("service")
    finally:
        world.lake.drop_table("lost")
    told_when(world, lambda later: later['lumbung_measured_timestamp_seconds{measurement="lake"}'] > stood)


def test_the_queue_of_runs_is_told(world):
    oldest, waiting = (
        'lumbung_queue_oldest_seconds{queue="runs"}',
        'lumbung_queue_items{queue="runs",state="waiting"}',
    )
    assert told_when(world, lambda page: waiting in page)[waiting] == 0
    with psycopg.connect(world.database.dsn) as connection:
        # Who holds a run works on it: nobody takes this one up.
        connection.execute("SELECT pg_advisory_lock(hashtextextended('run:held', 0))")
        connection.execute(
            "INSERT INTO pipelines (pipeline, declaration, revision, update_time) VALUES ('held', '', 1, now())"
        )
        connection.execute(
            "INSERT INTO runs (run, pipeline, state, revision, declaration, creator, decisions, trace, trace_id,"
            " create_time) VALUES ('held', 'held', 'pending', 1, '', 'x', '{}', '{}', '', now() - interval '1 hour')"
        )
        connection.commit()
        page = told_when(world, lambda page: page[waiting] == 1)
        assert 3600 <= page[oldest] < 3700
        connection.execute("UPDATE runs SET state = 'running' WHERE run = 'held'")
        connection.commit()
        page = told_when(world, lambda page: page['lumbung_queue_items{queue="runs",state="running"}'] == 1)
        assert (page[waiting], page[oldest]) == (0, 0)
        connection.execute("UPDATE runs SET state = 'cancelled' WHERE run = 'held'")
        connection.commit()
    assert told(world)['lumbung_measured_timestamp_seconds{measurement="queue_runs"}'] > 0


def test_statements_and_audit_records_that_wait_are_told(world):
    page = told_when(world, lambda page: 'lumbung_queue_oldest_seconds{queue="audit_records"}' in page)
    assert page['lumbung_queue_items{queue="audit_records",state="waiting"}'] == 0
    world.query("SELECT count(*) FROM apbd_panel")
    page = told(world)
    assert page['lumbung_queue_items{queue="statements",state="waiting"}'] == 0
    assert page['lumbung_queue_items{queue="statements",state="running"}'] == 0
