"""Sources that are away, slow, quiet, or break off in the middle."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import grpc
import pytest

from ingest_service.app import start
from lumbung.ingest.v1 import source_service_pb2 as pb

from .conftest import settings_for
from support.cutting import Cutting
from support.sources import NOW, MariadbLedger, Runs, declare, held, host_settings


@pytest.fixture
def door(ledger):
    """What stands between the service and the ledger's server."""
    cutting = Cutting(ledger.database.host, ledger.database.port)
    yield cutting
    cutting.close()


@pytest.fixture
async def runs(stores, signin, catalog, tmp_path, ledger, door):
    ledger.there = replace(ledger.database, port=door.port)
    settings = settings_for(
        stores,
        signin,
        catalog,
        tmp_path,
        sources=host_settings(ledger.there, silence_seconds=1, settle_seconds=0),
        jobs={"heartbeat_seconds": 1, "stalled_seconds": 4, "housekeeping_seconds": 1, "max_attempts": 3},
    )
    stoppers = await start(settings)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel:
        yield Runs(channel, signin.token("engineer-pusat", "engineer", office="pusat"))
    for stop in stoppers:
        await stop()


async def until(condition, seconds=30):
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - over the network
            await asyncio.sleep(0.05)


async def test_one_that_breaks_off_in_the_middle_is_read_whole(runs, catalog, ledger, lake, door):
    ledger.fill(3000, NOW - timedelta(hours=3))
    name = await declare(runs, catalog, ledger, "broken", at=ledger.there)
    door.cut_after = 20_000
    done = await runs.run(name)
    assert door.cuts == 1
    assert (done.state, done.rows_read, done.commits) == (pb.SourceRun.STATE_SUCCEEDED, 3000, 1), done.message
    assert held(lake, name) == {key: Decimal(str(value)) for key, value in ledger.rows.items()}


async def test_one_that_is_away_is_tried_again_and_says_so(runs, catalog, ledger, lake, door):
    ledger.fill(10, NOW - timedelta(hours=3))
    name = await declare(runs, catalog, ledger, "away", at=ledger.there)
    door.refuses = True
    run = await runs.begin(name)

    async def said():
        return "Will be tried again. The source does not answer" in (await runs.get(run.name)).message

    await until(said)
    door.refuses = False
    assert (await runs.wait(run.name)).state == pb.SourceRun.STATE_SUCCEEDED
    assert len(held(lake, name)) == 10


async def test_one_that_stays_away_fails_the_run_which_can_be_taken_up(runs, catalog, ledger, lake, door):
    ledger.fill(10, NOW - timedelta(hours=3))
    name = await declare(runs, catalog, ledger, "gone", at=ledger.there)
    door.refuses = True
    done = await runs.run(name)
    assert (done.state, done.error_reason) == (pb.SourceRun.STATE_FAILED, "SOURCE_AWAY"), done.message
    door.refuses = False
    await runs.retry(done.name)
    assert (await runs.wait(done.name)).state == pb.SourceRun.STATE_SUCCEEDED


async def test_one_that_goes_quiet_is_given_up(runs, catalog, ledger, lake, door):
    ledger.fill(3000, NOW - timedelta(hours=3))
    name = await declare(runs, catalog, ledger, "quiet", at=ledger.there, throttle={"statement_seconds": 1})
    door.quiet_after = 20_000
    run = await runs.begin(name)

    async def said():
        return "nothing came for 2 s" in (await runs.get(run.name)).message

    await until(said)
    door.quiet_after = None
    assert (await runs.wait(run.name)).state == pb.SourceRun.STATE_SUCCEEDED
    assert len(held(lake, name)) == 3000


async def test_a_statement_that_takes_too_long_is_ended(runs, catalog, ledger, lake):
    ledger.fill(10, NOW - timedelta(hours=3))
    sleep = "SLEEP(1)" if isinstance(ledger, MariadbLedger) else "pg_sleep(1) IS NULL"
    query = f"SELECT id, region, amount, updated_at FROM budget WHERE NOT ({sleep})"
    name = await declare(
        runs,
        catalog,
        ledger,
        "slow",
        at=ledger.there,
        table=None,
        query=query,
        throttle={"statement_seconds": 2},
    )
    done = await runs.run(name)
    assert (done.state, done.error_reason) == (pb.SourceRun.STATE_FAILED, "SOURCE_SLOW"), done.message
    assert "2 s (throttle.statement_seconds)" in done.message
    assert not lake.table_exists(name)


async def test_a_column_that_changes_while_it_is_read_ends_the_run_and_nothing_is_cut(
    runs, catalog, ledger, lake
):
    """Between two chunks the owner makes the column another one: what was committed stays, the rest is told."""
    ledger.fill(400, NOW - timedelta(hours=3))
    name = await declare(
        runs, catalog, ledger, "altered", at=ledger.there, chunk_rows=100, throttle={"rows_per_second": 100}
    )
    run = await runs.begin(name)

    async def begun():
        return (await runs.get(run.name)).commits >= 1

    await until(begun)
    kind = "varchar(30)" if isinstance(ledger, MariadbLedger) else "varchar(30) USING 'Rp ' || amount"
    verb = "MODIFY amount" if isinstance(ledger, MariadbLedger) else "ALTER amount TYPE"
    ledger.sql(f"ALTER TABLE budget {verb} {kind}")
    if isinstance(ledger, MariadbLedger):
        ledger.sql("UPDATE budget SET amount = CONCAT('Rp ', amount)")
    done = await runs.wait(run.name)
    assert done.rows_read == 400
    # Amounts that are none any more are findings, each with its own text; none is guessed.
    assert done.rows_good + done.rows_bad == 400
    assert done.rows_bad >= 100
    assert len(held(lake, name)) == done.rows_good
