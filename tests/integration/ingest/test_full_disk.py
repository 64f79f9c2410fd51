"""The object store's or the database's disk is full: said so, nothing half visible, and all well when there is room."""

import asyncio
import random

import grpc
import psycopg
import pytest

from lake.errors import TableNotFoundError
from lumbung.ingest.v1 import submission_service_pb2 as pb

from .conftest import declaration, stores_of
from support.servers import run_postgres, run_s3
from support.smalldisk import small_disk

HEADER = "Kode;Tahun;Anggaran\n"
ROWS = 200_000
# Below this much no data file of 3 MB fits.
LITTLE = 2**20
TELLS = {
    "store": "The object store failed at s3://",
    "database": "The disk of this service's database is full",
}


@pytest.fixture(scope="module", params=["store", "database"])
def disk(request):
    with small_disk(request.param, 900 if request.param == "store" else 300) as small:
        yield small


@pytest.fixture(scope="module")
def stores(disk, postgres_server, s3_server):
    """The one of the two servers that is tried stands on the small disk."""
    run, other = (run_s3, postgres_server) if disk.part == "store" else (run_postgres, s3_server)
    with run(disk.folder) as server:
        if disk.part == "store":
            yield stores_of(other, server)
        else:
            yield stores_of(server, other) | {"superuser_dsn": server.superuser_dsn}


def _begin_log(stores):
    """Gives the database a fresh segment of its log: without room for the next one it ends, and nobody starts it again here."""
    if (dsn := stores.get("superuser_dsn")) is not None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")


def _rows(year: int) -> bytes:
    """Distinct figures, so that the files are as large as they look."""
    figures = random.Random(year)  # noqa: S311 - figures, not secrets
    rows = (f"{1000 + n % 9000};{year + n // 9000 * 100};{figures.randrange(10**15)}\n" for n in range(ROWS))
    return (HEADER + "".join(rows)).encode()


def _rows_of(lake, dataset):
    try:
        return lake.describe(dataset).rows
    except TableNotFoundError:
        return 0


async def _refusal(client, content):
    """What is said of a file that the disk has no room for; nothing when it was taken in and waits for room."""
    try:
        upload = await client.create("full", len(content))
        await client.write(upload.name, content)
        await client.wait((await client.finish(upload.name, content)).name, seconds=20)
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name}: {error.details()}"
    except TimeoutError:
        return None
    return "published on a full disk"


async def _accepted(client, content):
    """The submission; nothing while the server has not noticed that there is room again."""
    try:
        return await client.send("full", content)
    except grpc.aio.AioRpcError as error:
        if error.code() != grpc.StatusCode.UNAVAILABLE:
            raise
        return None


async def test_a_file_waits_for_room_and_is_published_once(service, stores, catalog, lake, disk):
    catalog.declarations["full"] = declaration("full")
    client = service.client()
    first = await client.send("full", _rows(2017))
    assert first.state == pb.Submission.STATE_PUBLISHED, first.message

    _begin_log(stores)
    disk.fill()
    assert disk.free < LITTLE
    content = _rows(2018)
    told = await _refusal(client, content)
    assert told is None or told.startswith(f"UNAVAILABLE: {TELLS[disk.part]}"), told
    assert _rows_of(lake, "full") == ROWS

    disk.make_room()
    async with asyncio.timeout(120):
        while (again := await _accepted(client, content)) is None:  # noqa: ASYNC110 - over the network
            await asyncio.sleep(1)
    assert again.state == pb.Submission.STATE_PUBLISHED, again.message
    assert _rows_of(lake, "full") == 2 * ROWS
