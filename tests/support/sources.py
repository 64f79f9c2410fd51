"""Sources for tests: a database with a table of budgets, its declaration, and a client that runs it."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import psycopg

from lumbung.ingest.v1 import source_service_pb2 as pb
from lumbung.ingest.v1 import source_service_pb2_grpc as pb_grpc

from support.lakes import all_rows

__all__ = ["NOW", "Ledger", "MariadbLedger", "Runs", "contract", "declare", "held", "host_settings", "source"]

ENDED = {pb.SourceRun.STATE_SUCCEEDED, pb.SourceRun.STATE_FAILED, pb.SourceRun.STATE_CANCELLED}
SECRET = "reader"
NOW = datetime.now(UTC).replace(microsecond=0)


def contract(name, *, columns=(), rules=()):
    """A dataset that a source feeds."""
    standard = [
        {"name": "id", "type": "integer", "key": True},
        {
            "name": "region_code",
            "source": "region",
            "type": "code",
            "pattern": "[1-9][0-9]{3}",
            "required": True,
        },
        {
            "name": "amount",
            "type": "decimal(20,2)",
            "required": True,
            "style": {"decimal": ",", "group": "."},
        },
        {"name": "update_time", "source": "updated_at", "type": "timestamp"},
    ]
    words = {"id": "Uji", "en": "Test"}
    return json.dumps(
        {
            "kind": "Dataset",
            "name": name,
            "display_name": words,
            "description": words,
            "owner": "steward-pusat",
            "tags": [],
            "contract": {
                "version": 1,
                "columns": [*standard, *columns],
                "rules": list(rules),
                "provenance": {"row": "source_row", "submission": "submission"},
            },
        }
    )


def source(name, database, *, driver="postgresql", dataset=None, **changes):
    """A declaration of an incremental source of the table `budget`; `changes` go into its section."""
    section = {
        "connection": {
            "driver": driver,
            "host": database.host,
            "port": database.port,
            "database": database.database,
            "user": database.user,
            "password": SECRET,
            "tls": "off",
        },
        "table": {"name": "budget"},
        "mode": "incremental",
        "column": "updated_at",
        "lag": "1h",
    } | changes
    words = {"id": "Sumber uji", "en": "Test source"}
    return json.dumps(
        {
            "kind": "Source",
            "name": name,
            "display_name": words,
            "description": words,
            "owner": "engineer-pusat",
            "dataset": dataset or name,
            "type": "sql",
            "sql": {key: value for key, value in section.items() if value is not None},
        }
    )


def host_settings(database, **changes):
    """Settings that let a service read a database."""
    return {
        "hosts": [{"host": database.host, "port": database.port, "secrets": [SECRET]}],
        "secrets": {SECRET: database.password},
        "settle_seconds": 0.3,
    } | changes


@dataclass
class Ledger:
    """A table of budgets in PostgreSQL. `rows` is what it holds, kept beside it."""

    database: object
    rows: dict = field(default_factory=dict)

    TABLE = """CREATE TABLE budget (id bigint PRIMARY KEY, region varchar(10), amount numeric(22,3),
        updated_at timestamptz, note text)"""

    def sql(self, statement, values=()):
        with psycopg.connect(self.database.dsn) as connection:
            connection.execute(statement, values)

    def create(self):
        self.sql(self.TABLE)
        return self

    def begin(self):
        """A connection within a transaction of its own."""
        return psycopg.connect(self.database.dsn)

    def put(self, number, amount, when, region="1101"):
        """Inserts or changes a row."""
        self.sql(
            "INSERT INTO budget (id, region, amount, updated_at) VALUES (%s, %s, %s, %s) ON CONFLICT (id) DO UPDATE"
            " SET region = EXCLUDED.region, amount = EXCLUDED.amount, updated_at = EXCLUDED.updated_at",
            [number, region, amount, when],
        )
        self.rows[number] = amount

    def fill(self, count, when, start=1):
        """Inserts many rows, a second apart and before `when`."""
        self.sql(
            "INSERT INTO budget (id, region, amount, updated_at) SELECT g, '1101', g + 0.25,"
            " %s::timestamptz - (%s::int - g) * interval '1 second' FROM generate_series(%s::int, %s::int) g",
            [when, start + count, start, start + count - 1],
        )
        self.rows |= {number: number + 0.25 for number in range(start, start + count)}

    def touch(self, now):
        """Changes every row, within the last 17 minutes."""
        self.sql(
            "UPDATE budget SET amount = amount + 1, updated_at = %s::timestamptz - id %% 1000 * interval '1 second'",
            [now],
        )
        self.rows = {number: Decimal(str(amount)) + 1 for number, amount in self.rows.items()}

    def remove(self, number):
        self.sql("DELETE FROM budget WHERE id = %s", [number])
        self.rows.pop(number, None)


class MariadbLedger(Ledger):
    """The same in MariaDB."""

    TABLE = """CREATE TABLE budget (id bigint PRIMARY KEY, region varchar(10), amount decimal(22,3),
        updated_at timestamp(6) NULL, note text)"""

    def __init__(self, server, database):
        super().__init__(database)
        self.server = server

    def sql(self, statement, values=()):
        with self.server.connect(self.database.database) as connection, connection.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00'")
            cursor.execute(statement, values)

    def begin(self):
        connection = self.server.connect(self.database.database)
        connection.begin()
        return connection

    def put(self, number, amount, when, region="1101"):
        plain = when.replace(tzinfo=None) if when else None
        self.sql(
            "REPLACE INTO budget (id, region, amount, updated_at) VALUES (%s, %s, %s, %s)",
            [number, region, amount, plain],
        )
        self.rows[number] = amount

    def fill(self, count, when, start=1):
        self.sql(
            f"INSERT INTO budget (id, region, amount, updated_at) SELECT seq, '1101', seq + 0.25,"
            f" %s - INTERVAL ({start + count} - seq) SECOND FROM seq_{start}_to_{start + count - 1}",
            [when.replace(tzinfo=None)],
        )
        self.rows |= {number: number + 0.25 for number in range(start, start + count)}

    def touch(self, now):
        self.sql(
            "UPDATE budget SET amount = amount + 1, updated_at = %s - INTERVAL MOD(id, 1000) SECOND",
            [now.replace(tzinfo=None)],
        )
        self.rows = {number: Decimal(str(amount)) + 1 for number, amount in self.rows.items()}


@dataclass
class Runs:
    """Speaks to SourceService as one user."""

    channel: object
    token: str

    @property
    def stub(self):
        return pb_grpc.SourceServiceStub(self.channel)

    @property
    def metadata(self):
        return (("authorization", f"Bearer {self.token}"), ("accept-language", "en"))

    async def apply(self, declaration):
        request = pb.ApplySourceRequest(source=pb.Source(declaration=declaration))
        return await self.stub.ApplySource(request, metadata=self.metadata)

    async def begin(self, name, *, full=False, request_id=""):
        request = pb.RunSourceRequest(name=f"sources/{name}", full=full, request_id=request_id)
        return await self.stub.RunSource(request, metadata=self.metadata)

    async def get(self, run):
        return await self.stub.GetSourceRun(pb.GetSourceRunRequest(name=run), metadata=self.metadata)

    async def wait(self, run, seconds=60):
        async with asyncio.timeout(seconds):
            while (found := await self.get(run)).state not in ENDED:  # noqa: ASYNC110 - over the network
                await asyncio.sleep(0.05)
        return found

    async def run(self, name, **options):
        return await self.wait((await self.begin(name, **options)).name)

    async def cancel(self, run):
        return await self.stub.CancelSourceRun(pb.CancelSourceRunRequest(name=run), metadata=self.metadata)

    async def retry(self, run):
        return await self.stub.RetrySourceRun(pb.RetrySourceRunRequest(name=run), metadata=self.metadata)

    async def get_source(self, name):
        return await self.stub.GetSource(pb.GetSourceRequest(name=f"sources/{name}"), metadata=self.metadata)

    async def list_sources(self, size=0, token=""):
        request = pb.ListSourcesRequest(page_size=size, page_token=token)
        return await self.stub.ListSources(request, metadata=self.metadata)

    async def list_runs(self, parent, size=0, token=""):
        request = pb.ListSourceRunsRequest(parent=parent, page_size=size, page_token=token)
        return await self.stub.ListSourceRuns(request, metadata=self.metadata)


def held(lake, dataset):
    """Amounts by key, as the dataset has them."""
    rows = all_rows(lake, dataset)
    assert rows["id"].is_unique().all()
    return dict(rows.select("id", "amount").iter_rows())


async def declare(runs, catalog, ledger, name, *, at=None, **changes):
    """Applies a source of the ledger's table, found `at` another place, and a dataset for it; their name."""
    name = f"{name}_{ledger.driver}"
    catalog.declarations[name] = contract(name)
    await runs.apply(source(name, at or ledger.database, driver=ledger.driver, **changes))
    return name
