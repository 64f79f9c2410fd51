"""Every row is published once, whatever dies and however often a file is sent."""

import asyncio

import pytest

from lake import TableId
from lumbung.ingest.v1 import submission_service_pb2 as pb

from .conftest import declaration

HEADER = "Kode;Tahun;Anggaran\n"


def _rows(year: int, count: int = 100) -> bytes:
    """Good rows with keys of their own (years go up by 100 when the codes are used up) and one bad row."""
    rows = (f"{1000 + n % 9000};{year + n // 9000 * 100};{n}\n" for n in range(count))
    return (HEADER + "".join(rows) + "bad;x;y\n").encode()


@pytest.mark.parametrize("mode", ["append", "overwrite", "replace"])
async def test_the_same_file_again_changes_nothing(service, catalog, lake, mode):
    dataset = f"again_{mode}"
    catalog.declarations[dataset] = declaration(dataset, mode=mode)
    client = service.client()
    first = await client.send(dataset, _rows(2017))
    again = await client.send(dataset, _rows(2017), name="salinan.csv")
    assert again.state == pb.Submission.STATE_PUBLISHED
    assert first.name in again.message
    assert again.snapshot == first.snapshot
    assert again.rows_good == first.rows_good == 100
    # What is wrong with the file is told for the copy too, which was not validated again.
    found = (await client.findings(again.name)).findings
    assert found
    assert found == (await client.findings(first.name)).findings
    assert len(lake.snapshots(dataset)) == 1
    assert lake.describe(TableId.quarantine(dataset)).rows == 3
    # Under a new contract the file counts as new.
    catalog.revision = 2
    anew = await client.send(dataset, _rows(2017))
    assert anew.snapshot != first.snapshot


async def test_the_same_file_twice_at_once_is_appended_once(service, catalog, lake):
    catalog.declarations["twice"] = declaration("twice")
    client = service.client()
    both = await asyncio.gather(*(client.send("twice", _rows(2016, 3000)) for _ in range(2)))
    assert {done.state for done in both} == {pb.Submission.STATE_PUBLISHED}
    assert both[0].snapshot == both[1].snapshot
    assert lake.describe("twice").rows == 3000


async def test_modes(service, catalog, lake):
    client = service.client()
    for mode, wanted in (("append", 250), ("overwrite", 50), ("replace", 150)):
        dataset = f"mode_{mode}"
        catalog.declarations[dataset] = declaration(dataset, mode=mode)
        for year, count in ((2016, 100), (2017, 100), (2017, 50)):
            done = await client.send(dataset, _rows(year, count))
            assert done.state == pb.Submission.STATE_PUBLISHED, done.message
        assert lake.describe(dataset).rows == wanted


async def test_an_older_file_sent_again_after_a_newer_one_counts(service, catalog, lake):
    catalog.declarations["older"] = declaration("older", mode="overwrite")
    client = service.client()
    for count in (10, 20, 10):
        await client.send("older", _rows(2017, count))
    assert lake.describe("older").rows == 10


async def test_the_catalog_may_be_away_for_a_while(service, catalog, lake):
    catalog.declarations["away"] = declaration("away")
    client = service.client()
    content = _rows(2017)
    upload = await client.create("away", len(content))
    await client.write(upload.name, content)
    submission = await client.finish(upload.name, content)
    catalog.available = False
    await asyncio.sleep(3)
    assert (await client.get(submission.name)).state in {
        pb.Submission.STATE_PENDING,
        pb.Submission.STATE_VALIDATING,
        pb.Submission.STATE_PUBLISHING,
    }
    catalog.available = True
    done = await client.wait(submission.name)
    assert done.state == pb.Submission.STATE_PUBLISHED
    assert done.snapshot in catalog.snapshots
    assert lake.describe("away").rows == 100
