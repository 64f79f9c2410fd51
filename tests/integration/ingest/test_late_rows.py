"""Rows that a long transaction commits below what was read: none is skipped, however short the lag."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from lumbung.ingest.v1 import source_service_pb2 as pb

from support.sources import NOW, MariadbLedger, declare, held

OLD = NOW - timedelta(hours=50)


@pytest.fixture
def telling(ledger):
    """A ledger whose server tells the reader which transactions are open: MariaDB does so with the right PROCESS."""
    if isinstance(ledger, MariadbLedger):
        ledger.sql(f"GRANT PROCESS ON *.* TO '{ledger.database.user}'@'127.0.0.1'")
    return ledger


def insert(ledger, connection, number, when):
    """A row in an open transaction."""
    with connection.cursor() as cursor:
        if isinstance(ledger, MariadbLedger):
            cursor.execute("SET time_zone = '+00:00'")
            when = when.replace(tzinfo=None)
        cursor.execute(
            "INSERT INTO budget (id, region, amount, updated_at) VALUES (%s, '1101', 1, %s)", [number, when]
        )
    ledger.rows[number] = 1


def expected(ledger):
    return {key: Decimal(str(value)) for key, value in ledger.rows.items()}


async def test_a_long_transaction_holds_the_watermark(runs, catalog, telling, lake):
    ledger = telling
    ledger.fill(100, NOW - timedelta(hours=10))
    name = await declare(runs, catalog, ledger, "long", lag="1s", chunk_rows=30)
    before = json.loads((await runs.run(name)).watermark_after)
    assert "held" not in before
    writer = ledger.begin()
    insert(ledger, writer, 1000, NOW - timedelta(hours=5))
    ledger.fill(50, NOW - timedelta(hours=1), start=101)
    for _ in range(2):
        done = await runs.run(name)
        position = json.loads(done.watermark_after)
        assert position["held"]["start"] == before["value"]
        assert position["value"] > before["value"]
        assert 1000 not in held(lake, name)
    writer.commit()
    writer.close()
    done = await runs.run(name)
    assert held(lake, name) == expected(ledger)
    assert "held" not in json.loads(done.watermark_after)
    # Whoever began later is no reason to read from there again.
    assert (await runs.run(name)).rows_read <= 3


async def test_one_that_is_open_at_the_first_run_may_have_written_anywhere(runs, catalog, telling, lake):
    ledger = telling
    writer = ledger.begin()
    insert(ledger, writer, 1000, OLD)
    ledger.fill(100, NOW - timedelta(hours=10))
    name = await declare(runs, catalog, ledger, "first", lag="1s", chunk_rows=30)
    done = await runs.run(name)
    assert json.loads(done.watermark_after)["held"]["start"] is None
    writer.commit()
    writer.close()
    second = await runs.run(name)
    assert second.state == pb.SourceRun.STATE_SUCCEEDED
    assert held(lake, name) == expected(ledger)


async def test_one_after_the_other_does_not_hold_for_ever(runs, catalog, telling, lake):
    """At each run another transaction is open: what the ones before held is let go."""
    ledger = telling
    ledger.fill(20, NOW - timedelta(hours=10))
    name = await declare(runs, catalog, ledger, "chain", lag="1s")
    await runs.run(name)
    writer, starts = None, []
    for number in range(4):
        following = ledger.begin()
        insert(ledger, following, 1000 + number, NOW - timedelta(hours=9 - number))
        if writer is not None:
            writer.commit()
            writer.close()
        writer = following
        ledger.put(2000 + number, 1, NOW - timedelta(hours=8 - number))
        starts.append(json.loads((await runs.run(name)).watermark_after)["held"]["start"])
    writer.commit()
    writer.close()
    await runs.run(name)
    assert held(lake, name) == expected(ledger)
    assert starts == sorted(starts)
    assert starts[-1] > starts[0]


async def test_a_short_transaction_is_waited_for(runs, catalog, telling, lake):
    ledger = telling
    ledger.fill(10, NOW - timedelta(hours=10))
    name = await declare(runs, catalog, ledger, "short", lag="1s")
    done = await runs.run(name)
    assert "held" not in json.loads(done.watermark_after)
    assert held(lake, name) == expected(ledger)
