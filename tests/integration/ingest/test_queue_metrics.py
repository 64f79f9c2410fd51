"""What the service tells of its queue."""

import asyncio

import psycopg
from prometheus_client import REGISTRY

from ingest_service.app import start

from .conftest import settings_for


def told(name, **labels):
    return REGISTRY.get_sample_value(name, {"queue": "submissions", **labels})


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 (a metric tells nobody that it changed)
            await asyncio.sleep(0.1)


async def test_what_waits_and_what_is_checked_is_told(stores, signin, catalog, tmp_path):
    def sql(statement):
        with psycopg.connect(stores["dsn"]) as connection:
            connection.execute(statement)

    settings = settings_for(stores, signin, catalog, tmp_path, queue_metrics={"every_seconds": 1})
    stoppers = await start(settings)
    try:
        await until(lambda: told("lumbung_queue_items", state="waiting") == 0)
        # Without a job in the queue nobody takes it up.
        sql(
            "INSERT INTO uploads (upload_id, dataset, file_name, size_bytes, owner, owner_name, state, committed_bytes,"
            " crc32c, create_time, expire_time) VALUES ('u', 'd', 'f', 1, 'o', 'o', 'finished', 1, 0, now(), now())"
        )
        sql(
            "INSERT INTO submissions (submission_id, upload_id, dataset, file_name, size_bytes, owner, submitter, state,"
            " message_en, message_id, sha256, revision, rows_read, rows_good, rows_bad, control_totals, rule_counts,"
            " findings_kept, trace, create_time, update_time) VALUES ('s', 'u', 'd', 'f', 1, 'o', 'o', 'pending', '', '',"
            " '', 0, 0, 0, 0, '{}', '[]', 0, '{}', now() - interval '1 hour', now())"
        )
        await until(lambda: told("lumbung_queue_items", state="waiting") == 1)
        assert 3600 <= told("lumbung_queue_oldest_seconds") < 3700
        sql("UPDATE submissions SET state = 'validating'")
        await until(lambda: told("lumbung_queue_items", state="running") == 1)
        assert (told("lumbung_queue_items", state="waiting"), told("lumbung_queue_oldest_seconds")) == (0, 0)
        sql("UPDATE submissions SET state = 'published'")
        await until(lambda: told("lumbung_queue_items", state="running") == 0)
    finally:
        for stop in stoppers:
            await stop()
