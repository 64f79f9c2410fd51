"""SQL sources against real servers: what the source holds is what the dataset holds."""

import asyncio
import contextlib
from datetime import timedelta
from decimal import Decimal

import grpc
import psutil
import pytest

from ingest_service.app import start
from lake import TableId, allow_all
from lumbung.ingest.v1 import source_service_pb2 as pb

from .conftest import settings_for
from support.sources import NOW, Runs, contract, declare, held, host_settings, source


async def test_only_what_changed_is_read_again_and_late_rows_are_not_lost(runs, catalog, ledger, lake):
    ledger.fill(500, NOW - timedelta(hours=3))
    name = await declare(runs, catalog, ledger, "late", partitions={"column": "id", "count": 3})
    first = await runs.run(name)
    assert first.state == pb.SourceRun.STATE_SUCCEEDED, first.message
    assert (first.rows_read, first.rows_good, first.rows_bad, first.commits) == (500, 500, 0, 1)
    assert not first.watermark_before
    assert first.bytes_read > 0
    assert first.snapshot in catalog.snapshots
    assert (f"sources/{name}", f"datasets/{name}", first.name, "Test source") in catalog.edges
    ledger.put(7, 70, NOW - timedelta(hours=1))
    assert (await runs.run(name)).state == pb.SourceRun.STATE_SUCCEEDED
    # Committed late: below what was read, within the lag. And one that has no time at all.
    ledger.put(1001, 5, NOW - timedelta(minutes=100))
    ledger.put(1002, 6, None)
    late = await runs.run(name)
    assert late.rows_read == 3
    assert held(lake, name) == {key: Decimal(str(value)) for key, value in ledger.rows.items()}
    assert late.watermark_before == late.watermark_after != first.watermark_after


async def test_a_time_to_come_does_not_carry_the_watermark_away(runs, catalog, ledger, lake):
    ledger.put(1, 1, NOW - timedelta(hours=2))
    ledger.put(2, 2, NOW + timedelta(days=3000))
    name = await declare(runs, catalog, ledger, "future")
    assert (await runs.run(name)).rows_read == 2
    ledger.put(3, 3, NOW - timedelta(minutes=5))
    assert (await runs.run(name)).rows_read == 2
    assert held(lake, name) == {1: 1, 2: 2, 3: 3}


async def test_chunks_are_commits_and_together_everything(runs, catalog, ledger, lake):
    ledger.fill(1000, NOW - timedelta(hours=3))
    name = await declare(runs, catalog, ledger, "chunks", chunk_rows=300)
    done = await runs.run(name)
    assert (done.rows_read, done.commits) == (1000, 4)
    assert len(lake.snapshots(name)) == 4
    assert len(held(lake, name)) == 1000
    positions = [info.summary["lumbung.property.position"] for info in lake.snapshots(name)]
    assert positions == sorted(positions, reverse=True)
    assert positions[0] == done.watermark_after


async def test_deletes_by_key(runs, catalog, ledger, lake):
    ledger.fill(100, NOW - timedelta(hours=3))
    name = await declare(runs, catalog, ledger, "deletes", deletes={"by": "key", "max_share": 0.1})
    await runs.run(name)
    ledger.remove(3)
    ledger.put(4, 44, NOW)
    done = await runs.run(name)
    assert (done.state, done.rows_deleted) == (pb.SourceRun.STATE_SUCCEEDED, 1), done.message
    assert held(lake, name) == {key: Decimal(str(value)) for key, value in ledger.rows.items()}
    ledger.sql("DELETE FROM budget WHERE id > 50")
    refused = await runs.run(name)
    assert (refused.state, refused.error_reason) == (pb.SourceRun.STATE_FAILED, "TOO_MANY_DELETES")
    assert len(held(lake, name)) == 99
    everything = await runs.run(name, full=True)
    assert everything.state == pb.SourceRun.STATE_SUCCEEDED, everything.message
    assert len(held(lake, name)) == 49


async def test_bad_rows_go_to_quarantine_and_the_others_on(runs, catalog, ledger, lake):
    ledger.put(1, Decimal("1234567890123456789.120"), NOW - timedelta(hours=2))
    ledger.put(2, Decimal("999999999999999999.99"), NOW - timedelta(hours=2))
    ledger.put(3, Decimal("1.125"), NOW - timedelta(hours=2))
    ledger.put(4, 1, NOW - timedelta(hours=2), region="0001")
    name = await declare(runs, catalog, ledger, "bad", mode="full", column=None, lag=None)
    done = await runs.run(name)
    assert (done.rows_read, done.rows_good, done.rows_bad) == (4, 1, 3), done.message
    assert {(count.rule, count.rows) for count in done.rule_counts} == {
        ("type", 1),
        ("precision", 1),
        ("pattern", 1),
    }
    assert held(lake, name) == {2: Decimal("999999999999999999.99")}
    quarantine = TableId.quarantine(name)
    found = lake.reader.scan(quarantine, allow_all(str(quarantine), "test")).lazyframe.collect()
    assert set(found["value"]) == {"1234567890123456789.120", "1.125", "0001"}


async def test_an_empty_source_empties_nothing(runs, catalog, ledger, lake):
    ledger.put(1, 1, NOW)
    name = await declare(runs, catalog, ledger, "empty", mode="full", column=None, lag=None)
    await runs.run(name)
    ledger.remove(1)
    done = await runs.run(name)
    assert (done.state, done.error_reason) == (pb.SourceRun.STATE_FAILED, "SOURCE_EMPTY")
    assert held(lake, name) == {1: 1}


async def test_a_schema_that_changed(runs, catalog, ledger, lake):
    ledger.put(1, 1, NOW - timedelta(hours=2))
    name = await declare(runs, catalog, ledger, "schema")
    await runs.run(name)
    ledger.sql("ALTER TABLE budget RENAME COLUMN amount TO total")
    done = await runs.run(name)
    assert (done.state, done.error_reason) == (pb.SourceRun.STATE_FAILED, "SOURCE_SCHEMA_CHANGED")
    assert "no column amount" in done.message
    ledger.sql("ALTER TABLE budget RENAME COLUMN total TO amount")
    again = await runs.wait((await runs.retry(done.name)).name)
    assert again.state == pb.SourceRun.STATE_SUCCEEDED


async def test_a_query_is_wrapped_and_can_only_read(runs, catalog, ledger, lake):
    ledger.put(1, 1, NOW - timedelta(hours=2))
    for number, (query, state) in enumerate(
        {
            "SELECT id, region, amount, updated_at FROM budget -- all": pb.SourceRun.STATE_SUCCEEDED,
            "SELECT 1); DELETE FROM budget; --": pb.SourceRun.STATE_FAILED,
            "DELETE FROM budget RETURNING *": pb.SourceRun.STATE_FAILED,
        }.items()
    ):
        name = await declare(runs, catalog, ledger, f"query{number}", table=None, query=query)
        done = await runs.run(name)
        assert done.state == state, done.message
    assert held(lake, f"query0_{ledger.driver}") == {1: 1}


async def test_names_are_quoted(runs, catalog, ledger, lake):
    ledger.put(1, 1, NOW - timedelta(hours=2))
    ledger.sql('CREATE VIEW "or der; DROP" AS SELECT * FROM budget' if ledger.driver == "postgresql"
               else "CREATE VIEW `or der; DROP` AS SELECT * FROM budget")  # fmt: skip
    name = await declare(runs, catalog, ledger, "quoted", table={"name": "or der; DROP"})
    assert (await runs.run(name)).state == pb.SourceRun.STATE_SUCCEEDED


async def test_wrong_credentials_and_a_table_that_is_not_there(stores, signin, catalog, tmp_path, ledger):
    settings = settings_for(
        stores, signin, catalog, tmp_path, sources=host_settings(ledger.database, secrets={"reader": "wrong"})
    )
    stoppers = await start(settings)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel:
        runs = Runs(channel, signin.token("engineer-pusat", "engineer", office="pusat"))
        name = await declare(runs, catalog, ledger, "credentials")
        done = await runs.run(name)
    for stop in stoppers:
        await stop()
    assert (done.state, done.error_reason) == (pb.SourceRun.STATE_FAILED, "SOURCE_CREDENTIALS"), done.message
    assert "wrong" not in done.message


async def test_throttling(runs, catalog, ledger, lake):
    ledger.fill(4000, NOW - timedelta(hours=3))
    name = await declare(runs, catalog, ledger, "throttle", throttle={"rows_per_second": 2000})
    done = await runs.run(name)
    assert done.rows_read == 4000
    assert done.duration.ToTimedelta() > timedelta(seconds=2)


def connections(port):
    """How many connections reading processes have to a port; a server counts one some time longer than it lasts."""
    found = 0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "ingest_service.extract" in child.cmdline():
                found += sum(
                    bool(entry.raddr) and entry.raddr.port == port and entry.status == psutil.CONN_ESTABLISHED
                    for entry in child.net_connections("tcp")
                )
    return found


async def test_no_more_bytes_and_connections_than_allowed(runs, catalog, ledger, lake):
    ledger.fill(3000, NOW - timedelta(hours=3))
    throttle = {"bytes_per_second": 60_000, "connections": 2}
    changes = {"partitions": {"column": "id", "count": 6}, "throttle": throttle}
    name = await declare(runs, catalog, ledger, "gentle", **changes)
    run = await runs.begin(name)
    most = 0
    while (await runs.get(run.name)).state in {pb.SourceRun.STATE_PENDING, pb.SourceRun.STATE_RUNNING}:
        most = max(most, connections(ledger.database.port))
        await asyncio.sleep(0.01)
    done = await runs.get(run.name)
    assert (done.state, done.rows_read) == (pb.SourceRun.STATE_SUCCEEDED, 3000), done.message
    assert done.duration.ToTimedelta().total_seconds() > done.bytes_read / 60_000
    # Two that read, and the one that asks.
    assert most == 3
    assert len(held(lake, name)) == 3000


async def test_cancel_and_retry(runs, catalog, ledger, lake):
    ledger.fill(4000, NOW - timedelta(hours=3))
    name = await declare(runs, catalog, ledger, "cancel", throttle={"rows_per_second": 100})
    run = await runs.begin(name, request_id="one")
    assert (await runs.begin(name, request_id="one")).name == run.name
    while (await runs.get(run.name)).state != pb.SourceRun.STATE_RUNNING:
        pass
    await runs.cancel(run.name)
    done = await runs.wait(run.name, 10)
    assert done.state == pb.SourceRun.STATE_CANCELLED
    assert not lake.table_exists(name)


async def test_what_the_platform_does_not_allow(runs, catalog, ledger):
    name = f"denied_{ledger.driver}"
    catalog.declarations[name] = contract(name)
    catalog.declarations["other"] = contract("other")
    good = source(name, ledger.database, driver=ledger.driver)
    for change, reason in {
        ('"host": "127.0.0.1"', '"host": "10.0.0.1"'): "SOURCE_HOST_NOT_ALLOWED",
        ('"host": "127.0.0.1"', '"host": "localhost"'): "SOURCE_HOST_NOT_ALLOWED",
        (f'"port": {ledger.database.port}', '"port": 22'): "SOURCE_HOST_NOT_ALLOWED",
        ('"password": "reader"', '"password": "other"'): "SOURCE_SECRET_NOT_ALLOWED",
        ('"mode": "incremental"', '"mode": "sometimes"'): "SOURCE_INVALID",
        ('"lag": "1h"', '"lag": "soon"'): "SOURCE_INVALID",
    }.items():
        assert change[0] in good
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await runs.apply(good.replace(*change))
        assert reason in str(caught.value.trailing_metadata()), change
    await runs.apply(good)
    again = await runs.apply(good)
    assert again.revision == 1
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await runs.apply(source("other", ledger.database, driver=ledger.driver, dataset=name))
    assert "DATASET_HAS_SOURCE" in str(caught.value.trailing_metadata())
    catalog.writers.add("somebody")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await runs.begin(name)
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_sources_and_runs_are_listed(runs, catalog, ledger):
    ledger.put(1, 1, NOW - timedelta(hours=2))
    name = await declare(runs, catalog, ledger, "listed")
    made = [await runs.run(name) for _ in range(2)]
    found = await runs.get_source(name)
    assert (found.dataset, found.type, found.revision) == (f"datasets/{name}", "sql", 1)
    assert found.watermark == made[-1].watermark_after
    assert name in {entry.name.partition("/")[2] for entry in (await runs.list_sources()).sources}
    first = await runs.list_runs(f"sources/{name}", size=1)
    second = await runs.list_runs(f"sources/{name}", size=1, token=first.next_page_token)
    assert [*first.source_runs, *second.source_runs] == made[::-1]
    assert not second.next_page_token
    assert made[0] in (await runs.list_runs("sources/-")).source_runs
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await runs.get_source("nowhere")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
