"""One file, from its first byte to rows, quarantine, lineage and findings."""

from decimal import Decimal

from lake import TableId, system_decision
from lumbung.ingest.v1 import submission_service_pb2 as pb

from .conftest import declaration

GOOD = "1101;2017;1.234.567,50\n1102;2017;2.000\n3201;2018;-5,25\n"
BAD = "99;2017;1\n1103;dua ribu;7\n1104;2017;1,234.5\n1105;2017;\n1106;2017;1;2\n"


async def test_a_file_is_split_published_and_told_of(service, catalog, lake):
    catalog.declarations["thin"] = declaration("thin")
    client = service.client()
    content = f"Kode;Tahun;Anggaran\n{GOOD}{BAD}".encode()
    done = await client.send("thin", content)
    assert done.state == pb.Submission.STATE_PUBLISHED, done.message
    assert (done.rows_read, done.rows_good, done.rows_bad) == (8, 3, 5)
    assert dict(done.control_totals) == {"rows": "3", "budget/2017": "1236567.50", "budget/2018": "-5.25"}
    assert done.submitter == "kontributor-pusat"

    scan = lake.reader.scan("thin", system_decision("thin", run_id="test"))
    rows = scan.lazyframe.sort("region_code").collect()
    assert rows["budget"].to_list() == [Decimal("1234567.50"), Decimal("2000.00"), Decimal("-5.25")]
    assert rows["source_row"].to_list() == [1, 2, 3]
    snapshot = lake.snapshots("thin")
    assert len(snapshot) == 1
    assert done.snapshot == f"datasets/thin/snapshots/{snapshot[0].snapshot_id}"
    assert snapshot[0].run_id == done.name.removeprefix("submissions/")
    assert snapshot[0].summary["lumbung.control.budget.2017"] == "1236567.50"

    told = catalog.snapshots[done.snapshot]
    assert told.snapshot.origin == done.name
    assert [c.name for c in told.columns] == ["region_code", "year", "budget", "source_row", "submission"]
    assert catalog.edges == {(f"files/{done.sha256}", "datasets/thin", done.name, "berkas.csv")}
    assert {entry.action.rpartition("/")[2] for entry in catalog.audit} >= {"CreateUpload", "FinishUpload"}

    found = await client.findings(done.name)
    by_row = {(f.row, f.rule): f for f in found.findings}
    assert set(by_row) == {(4, "pattern"), (5, "type"), (6, "type"), (7, "required"), (8, "fields")}
    assert by_row[5, "type"].value == "dua ribu"
    assert by_row[5, "type"].column == "year"
    indonesian = await service.client(language="id").findings(done.name)
    assert "bukan integer" in next(f.message for f in indonesian.findings if f.row == 5)
    quarantine = lake.describe(TableId.quarantine("thin"))
    assert quarantine.rows == 5


async def test_findings_come_in_pages(service, catalog):
    catalog.declarations["paged"] = declaration("paged")
    client = service.client()
    bad = "".join(f"{1000 + row};x;1\n" for row in range(7))
    done = await client.send("paged", f"Kode;Tahun;Anggaran\n1101;2017;1\n{bad}".encode())
    rows, token = [], ""
    while True:
        page = await client.findings(done.name, size=3, token=token)
        assert len(page.findings) <= 3
        rows += [finding.row for finding in page.findings]
        token = page.next_page_token
        if not token:
            break
    assert rows == list(range(2, 9))
