"""Every type of PostgreSQL and MariaDB arrives exactly, or as a finding with the source's own text."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from lake import TableId, allow_all
from lumbung.ingest.v1 import source_service_pb2 as pb

from support.sources import source

BIGGEST = Decimal("9" * 35 + ".999")


on_postgresql = pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
on_mariadb = pytest.mark.parametrize("ledger", ["mariadb"], indirect=True)


async def run(runs, catalog, ledger, name, columns, **changes):
    """Reads the table `kinds` in full into columns `(name, type)`."""
    words = {"id": "Uji", "en": "Test"}
    catalog.declarations[name] = json.dumps(
        {
            "kind": "Dataset",
            "name": name,
            "display_name": words,
            "description": words,
            "owner": "steward-pusat",
            "tags": [],
            "contract": {
                "version": 1,
                "columns": [
                    {"name": column, "type": kind, "key": column == "id"} for column, kind in columns.items()
                ],
            },
        }
    )
    section = {"table": {"name": "kinds"}, "mode": "full", "column": None, "lag": None} | changes
    await runs.apply(source(name, ledger.database, driver=ledger.driver, **section))
    return await runs.run(name)


def rows(lake, dataset, key="id"):
    found = lake.reader.scan(dataset, allow_all(str(dataset), "test")).lazyframe.collect()
    return {row[key]: row for row in found.iter_rows(named=True)}


def findings(lake, dataset):
    table = TableId.quarantine(dataset)
    found = lake.reader.scan(table, allow_all(str(table), "test")).lazyframe.collect()
    return {(row["column"], row["value"]) for row in found.iter_rows(named=True)}


@on_postgresql
async def test_postgresql(runs, catalog, ledger, lake):
    ledger.sql(
        """CREATE TABLE kinds (id bigint, amount numeric, plain numeric(38,3), small smallint, yes boolean, day date,
        here timestamp, there timestamptz, code char(5), uid uuid, doc jsonb, took interval, many int[], ratio float8)"""
    )
    ledger.sql(
        "INSERT INTO kinds VALUES (9223372036854775807, 12345678901234567890.12, %s, -32768, true, '0001-01-01',"
        " '2024-03-10 02:30:00.123456', '2024-03-10 02:30:00.123456+07', '00 7', '6f1e7b10-0000-0000-0000-000000000001',"
        " '{\"a\": 1.10}', '1 day 02:03:04.5', '{1,2}', 0.1)",
        [BIGGEST],
    )
    ledger.sql("INSERT INTO kinds (id) VALUES (1)")
    columns = {
        "id": "integer",
        "amount": "decimal(30,2)",
        "plain": "decimal(38,3)",
        "small": "integer",
        "yes": "boolean",
        "day": "date",
        "here": "timestamp",
        "there": "timestamp",
        "code": "code",
        "uid": "text",
        "doc": "text",
        "took": "text",
        "many": "text",
    }
    done = await run(runs, catalog, ledger, "kinds_pg", columns, time_zone="Asia/Jakarta")
    assert (done.state, done.rows_good) == (pb.SourceRun.STATE_SUCCEEDED, 2), done.message
    found = rows(lake, "kinds_pg")
    assert found[2**63 - 1] == {
        "id": 2**63 - 1,
        "amount": Decimal("12345678901234567890.12"),
        "plain": BIGGEST,
        "small": -32768,
        "yes": True,
        "day": date(1, 1, 1),
        "here": datetime(2024, 3, 9, 19, 30, 0, 123456, tzinfo=UTC),
        "there": datetime(2024, 3, 9, 19, 30, 0, 123456, tzinfo=UTC),
        "code": "00 7",
        "uid": "6f1e7b10-0000-0000-0000-000000000001",
        "doc": '{"a": 1.10}',
        "took": "1 day 02:03:04.5",
        "many": "{1,2}",
    }
    assert set(found[1].values()) == {1, None}


@on_postgresql
async def test_numbers_that_are_none(runs, catalog, ledger, lake):
    ledger.sql("CREATE TABLE kinds (id bigint, amount numeric, ratio float8)")
    ledger.sql(
        "INSERT INTO kinds VALUES (1, 'NaN', 1), (2, 'Infinity', 1), (3, '-Infinity', 1), (4, 1.5, 'NaN'),"
        " (5, 1.5, 'Infinity'), (6, 1.50, 2.25), (7, 1.505, 1)"
    )
    done = await run(
        runs,
        catalog,
        ledger,
        "none_pg",
        {"id": "integer", "amount": "decimal(10,2)", "ratio": "decimal(10,2)"},
    )
    assert (done.state, done.rows_good, done.rows_bad) == (pb.SourceRun.STATE_SUCCEEDED, 1, 6), done.message
    assert rows(lake, "none_pg") == {6: {"id": 6, "amount": Decimal("1.50"), "ratio": Decimal("2.25")}}
    assert {
        ("amount", "nan"),
        ("amount", "inf"),
        ("amount", "-inf"),
        ("amount", "1.505"),
    } <= findings(lake, "none_pg")


@on_postgresql
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("'infinity'::timestamptz", "there holds an infinite date"),
        ("'-infinity'::timestamptz", "there holds an infinite date"),
    ],
)
async def test_times_without_end_refuse_the_run_and_name_the_column(runs, catalog, ledger, lake, value, said):
    ledger.sql("CREATE TABLE kinds (id bigint, there timestamptz)")
    ledger.sql(f"INSERT INTO kinds VALUES (1, now()), (2, {value})")
    done = await run(runs, catalog, ledger, "endless", {"id": "integer", "there": "timestamp"})
    assert (done.state, done.error_reason) == (pb.SourceRun.STATE_FAILED, "SOURCE_REFUSED")
    assert said in done.message
    # The same in the column that the watermark is taken from.
    section = {"mode": "incremental", "column": "there", "lag": "1h"}
    done = await run(runs, catalog, ledger, "endless", {"id": "integer", "there": "timestamp"}, **section)
    assert (done.state, done.error_reason) == (pb.SourceRun.STATE_FAILED, "SOURCE_REFUSED"), done.message
    query = "SELECT id, nullif(nullif(there, 'infinity'), '-infinity') AS there FROM kinds"
    done = await run(
        runs, catalog, ledger, "endless", {"id": "integer", "there": "timestamp"}, table=None, query=query
    )
    assert (done.state, done.rows_good) == (pb.SourceRun.STATE_SUCCEEDED, 2), done.message


@on_postgresql
async def test_a_time_without_zone_needs_one_and_an_hour_that_is_twice_is_refused(
    runs, catalog, ledger, lake
):
    ledger.sql("CREATE TABLE kinds (id bigint, here timestamp)")
    ledger.sql("INSERT INTO kinds VALUES (1, '2024-11-03 01:30:00')")
    columns = {"id": "integer", "here": "timestamp"}
    done = await run(runs, catalog, ledger, "zoneless", columns)
    assert (done.error_reason, "say `time_zone`" in done.message) == ("SOURCE_REFUSED", True)
    done = await run(runs, catalog, ledger, "zoneless", columns, time_zone="America/New_York")
    assert (done.error_reason, "has twice or not at all" in done.message) == ("SOURCE_REFUSED", True)
    done = await run(runs, catalog, ledger, "zoneless", columns, time_zone="Asia/Jayapura")
    assert rows(lake, "zoneless")[1]["here"] == datetime(2024, 11, 2, 16, 30, tzinfo=UTC)


@on_mariadb
async def test_mariadb(runs, catalog, ledger, lake):
    ledger.sql(
        """CREATE TABLE kinds (id bigint, big bigint unsigned, amount decimal(38,3), tiny tinyint(1), since year, day date,
        here datetime(6), there timestamp(6) NULL, code char(5), words text CHARACTER SET latin1, raw varbinary(4),
        took time, doc json)"""
    )
    ledger.sql(
        "INSERT INTO kinds VALUES (9223372036854775807, 9223372036854775807, %s, 127, 2024, '1000-01-01',"
        " '2024-03-10 02:30:00.123456', '2024-03-10 02:30:00.123456', '00 7', 'é€', 'ab', '-838:59:59', '{\"a\": 1.10}')",
        [BIGGEST],
    )
    ledger.sql("INSERT INTO kinds (id) VALUES (1)")
    columns = {
        "id": "integer",
        "big": "integer",
        "amount": "decimal(38,3)",
        "tiny": "integer",
        "since": "integer",
        "day": "date",
        "here": "timestamp",
        "there": "timestamp",
        "code": "code",
        "words": "text",
        "raw": "text",
        "took": "text",
        "doc": "text",
    }
    done = await run(runs, catalog, ledger, "kinds_maria", columns, time_zone="Asia/Jakarta")
    assert (done.state, done.rows_good) == (pb.SourceRun.STATE_SUCCEEDED, 2), done.message
    found = rows(lake, "kinds_maria")
    assert found[2**63 - 1] == {
        "id": 2**63 - 1,
        "big": 2**63 - 1,
        "amount": BIGGEST,
        "tiny": 127,
        "since": 2024,
        "day": date(1000, 1, 1),
        "here": datetime(2024, 3, 9, 19, 30, 0, 123456, tzinfo=UTC),
        "there": datetime(2024, 3, 10, 2, 30, 0, 123456, tzinfo=UTC),
        "code": "00 7",
        "words": "é€",
        "raw": "ab",
        "took": "-838:59:59",
        "doc": '{"a": 1.10}',
    }
    assert set(found[1].values()) == {1, None}


@on_mariadb
async def test_dates_that_are_none(runs, catalog, ledger, lake):
    ledger.sql("CREATE TABLE kinds (id bigint, big bigint unsigned, day date, here datetime)")
    with ledger.server.connect(ledger.database.database) as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = 'ALLOW_INVALID_DATES'")
        cursor.execute(
            "INSERT INTO kinds VALUES (1, 1, '0000-00-00', '2024-01-01 00:00:00'), (2, 2, '2024-02-31', '2024-01-01 00:00:00'),"
            " (3, 3, '2024-02-29', '0000-00-00 00:00:00'), (4, 18446744073709551615, '2024-02-29', '2024-01-01 00:00:00'),"
            " (5, 5, '2024-02-29', '2024-03-10 02:30:00'), (6, 6, '2024-02-29', '2024-01-01 00:00:00')"
        )
    done = await run(
        runs,
        catalog,
        ledger,
        "none_maria",
        {"id": "integer", "big": "integer", "day": "date", "here": "timestamp"},
        time_zone="America/New_York",
    )
    assert (done.state, done.rows_good, done.rows_bad) == (pb.SourceRun.STATE_SUCCEEDED, 1, 5), done.message
    assert rows(lake, "none_maria")[6]["here"] == datetime(2024, 1, 1, 5, tzinfo=UTC)
    assert findings(lake, "none_maria") == {
        ("day", "0000-00-00"),
        ("day", "2024-02-31"),
        ("here", "0000-00-00 00:00:00"),
        ("big", "18446744073709551615"),
        # New York had no such hour on that day.
        ("here", "2024-03-10 02:30:00"),
    }
