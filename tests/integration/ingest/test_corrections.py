"""Only the bad rows are mended: the good ones stay published, and nothing is doubled."""

import csv
from decimal import Decimal
from io import BytesIO, StringIO

import grpc
import openpyxl
import pytest

from lake import system_decision
from lumbung.ingest.v1 import submission_service_pb2 as pb

from .conftest import declaration
from .test_uploads import reason

S = pb.Submission
FORMAT = pb.DownloadBadRowsRequest
CONTENT = b"Kode;Tahun;Anggaran\n1101;2017;1.000,50\n=2+3;2017;2\n1103;dua ribu;-7,25\n1104;2017;1,234.5\n1105;2017;5;6\n"


@pytest.fixture
def people(service):
    return service.client("kontributor-pusat"), service.client("pengesah-pusat", "certifier", "viewer")


async def _bad_rows(client, name, form=FORMAT.FORMAT_UNSPECIFIED):
    return await client.download("DownloadBadRows", FORMAT(name=name, format=form))


def _table(content: bytes):
    return list(csv.DictReader(StringIO(content.decode("utf-8-sig")), delimiter=";"))


def _mended(rows, **values) -> bytes:
    """The downloaded rows with new values, by row number; a value of None drops the row."""
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=";")
    writer.writeheader()
    for row in rows:
        change = values.get(f"r{row['lumbung_row']}", {})
        if change is not None:
            writer.writerow(row | change)
    return text.getvalue().encode()


def _rows(lake, dataset):
    frame = lake.reader.scan(dataset, system_decision(dataset, run_id="test")).lazyframe
    return sorted(frame.select("region_code", "budget").collect().rows())


async def test_the_bad_rows_come_back_as_a_file_and_are_mended(service, catalog, lake, people):
    clerk, certifier = people
    catalog.declarations["mend"] = declaration("mend", mode="overwrite", certify="required")
    first = await certifier.certify(await clerk.send("mend", CONTENT))
    assert (first.rows_good, first.rows_bad) == (1, 4)
    kind, content = await _bad_rows(clerk, first.name)
    assert kind == "text/csv; charset=utf-8"
    rows = _table(content)
    assert [row["lumbung_row"] for row in rows] == ["2", "3", "4", "5"]
    # A formula is no formula any more; a number with its sign is left alone.
    assert [row["Kode"] for row in rows] == ["'=2+3", "1103", "1104", ""]
    assert rows[1]["Anggaran"] == "-7,25"
    assert "Tahun" not in rows[1]["lumbung_reasons"]
    assert "year: " in rows[1]["lumbung_reasons"]
    assert "1105;2017;5;6" in rows[3]["lumbung_reasons"]

    file = _mended(rows, r2={"Kode": "1102"}, r3={"Tahun": "2017"}, r5=None)
    correction = await clerk.send("mend", file, correction_of=first.name)
    assert correction.state == S.STATE_VALIDATED, correction.message
    assert (correction.correction_of, correction.rows_good, correction.rows_bad) == (first.name, 2, 1)
    done = await certifier.certify(correction)
    assert done.state == S.STATE_PUBLISHED, done.message
    mended = [("1101", Decimal("1000.50")), ("1102", Decimal(2)), ("1103", Decimal("-7.25"))]
    assert _rows(lake, "mend") == mended
    assert (await clerk.get(first.name)).state == S.STATE_PUBLISHED
    # What is left is what nobody has mended; the mended row is refused the second time.
    left = _table((await _bad_rows(clerk, first.name))[1])
    assert [row["lumbung_row"] for row in left] == ["4", "5"]
    again = await clerk.send("mend", file, correction_of=first.name)
    assert again.state == S.STATE_REJECTED
    found = (await clerk.findings(again.name)).findings
    assert {(f.value, f.rule) for f in found if f.rule == "correction_row"} == {
        ("2", "correction_row"),
        ("3", "correction_row"),
    }
    # The mended file cannot be taken back from under its correction; after the correction it can.
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await certifier.revert(first.name)
    assert reason(caught.value) == "BUILT_UPON"
    assert (await certifier.revert(done.name)).state == S.STATE_REVERTED
    assert _rows(lake, "mend") == mended[:1]
    assert len(_table((await _bad_rows(clerk, first.name))[1])) == 4
    assert (await certifier.revert(first.name)).state == S.STATE_REVERTED
    assert _rows(lake, "mend") == []


async def test_only_bad_rows_once_and_with_new_keys(service, catalog, lake, people):
    clerk, _certifier = people
    catalog.declarations["only"] = declaration("only", mode="replace")
    first = await clerk.send("only", CONTENT)
    rows = _table((await _bad_rows(clerk, first.name))[1])
    good = {"Kode": "1102", "Tahun": "2017", "Anggaran": "2"}
    cases = [
        # a good row's number, a row twice, a key that is there already
        ([rows[0] | good | {"lumbung_row": "1"}], "None of the 1 rows"),
        ([rows[0] | good, rows[0] | good | {"Kode": "1199"}], "more than once"),
        ([rows[0] | good | {"Kode": "1101"}], "1101, 2017"),
    ]
    for lines, said in cases:
        refused = await clerk.send("only", _mended(lines), correction_of=first.name)
        assert refused.state == S.STATE_REJECTED
        assert said in refused.message
    without = b"Kode;Tahun;Anggaran\n1102;2017;2\n"
    refused = await clerk.send("only", without, correction_of=first.name)
    assert "lumbung_row" in refused.message
    assert _rows(lake, "only") == [("1101", Decimal("1000.50"))]
    done = await clerk.send("only", _mended([rows[0] | good]), correction_of=first.name)
    assert done.state == S.STATE_PUBLISHED
    assert len(_rows(lake, "only")) == 2


async def test_what_cannot_be_mended_row_by_row(service, catalog, people):
    clerk, certifier = people
    catalog.declarations["clean"] = declaration("clean")
    catalog.declarations["sums"] = declaration(
        "sums",
        rules="[{id: together, severity: error, let: {n: {by: [], agg: 'count(*)'}}, check: n < 100,"
        " message: {id: a, en: b}, remedy: {id: a, en: b}}]",
    )
    clean = await clerk.send("clean", b"Kode;Tahun;Anggaran\n1101;2017;1\n")
    sums = await clerk.send("sums", CONTENT)
    correction = None
    catalog.declarations["again"] = declaration("again")
    first = await clerk.send("again", CONTENT)
    rows = _table((await _bad_rows(clerk, first.name))[1])
    correction = await clerk.send("again", _mended(rows, r2={"Kode": "1102"}), correction_of=first.name)
    for dataset, name, said in (
        ("clean", clean.name, "no bad row"),
        ("sums", sums.name, "together"),
        ("again", correction.name, first.name),
        ("clean", first.name, "datasets/again"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await clerk.create(dataset, 10, correction_of=name)
        assert reason(caught.value) == "CORRECTION_REFUSED"
        assert said in caught.value.details()
    other = service.client("pengirim-lain")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await other.create("again", 10, correction_of=first.name)
    assert reason(caught.value) == "SUBMISSION_NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _bad_rows(certifier, first.name)
    assert reason(caught.value) == "ROLE_MISSING"


async def test_a_correction_waits_for_what_it_mends_and_is_no_use_after_a_newer_file(
    service, catalog, lake, people
):
    clerk, certifier = people
    catalog.declarations["order"] = declaration("order", mode="overwrite", certify="required")
    first = await clerk.send("order", CONTENT)
    rows = _table((await _bad_rows(clerk, first.name))[1])
    early = await clerk.send("order", _mended(rows[:1], r2={"Kode": "1102"}), correction_of=first.name)
    late = await clerk.send("order", _mended(rows[1:2], r3={"Tahun": "2017"}), correction_of=first.name)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await certifier.certify(early)
    assert reason(caught.value) == "SUBMISSION_STATE"
    assert first.name in caught.value.details()
    assert (await certifier.certify(first)).state == S.STATE_PUBLISHED
    assert (await certifier.certify(early)).state == S.STATE_PUBLISHED
    assert _rows(lake, "order") == [("1101", Decimal("1000.50")), ("1102", Decimal(2))]
    newer = await certifier.certify(await clerk.send("order", b"Kode;Tahun;Anggaran\n1109;2017;9\n"))
    refused = await certifier.certify(late)
    assert refused.state == S.STATE_REJECTED
    assert "superseded" in refused.message
    assert _rows(lake, "order") == [("1109", Decimal(9))]
    assert newer.state == S.STATE_PUBLISHED


async def test_work_that_breaks_off_after_its_commit_is_done_once(service, catalog, lake, people):
    clerk, certifier = people
    catalog.declarations["broken_off"] = declaration("broken_off", mode="overwrite")
    first = await clerk.send("broken_off", CONTENT)
    rows = _table((await _bad_rows(clerk, first.name))[1])
    file = _mended(rows[:2], r2={"Kode": "1102"}, r3={"Tahun": "2017"})
    catalog.refused_snapshots = 2
    done = await clerk.send("broken_off", file, correction_of=first.name)
    assert (done.state, done.rows_good) == (S.STATE_PUBLISHED, 2), done.message
    assert len(_rows(lake, "broken_off")) == 3
    catalog.refused_snapshots = 2
    gone = await certifier.revert(done.name)
    assert gone.state == S.STATE_REVERTED, gone.message
    assert len(_rows(lake, "broken_off")) == 1
    own = done.name.partition("/")[2]
    assert [s.run_id for s in lake.snapshots("broken_off")] == [
        f"revert-{own}",
        own,
        first.name.partition("/")[2],
    ]
    assert {done.snapshot, gone.revert_snapshot} <= set(catalog.snapshots)


async def test_a_workbook_comes_back_as_a_workbook(service, catalog, lake, people):
    clerk, _certifier = people
    catalog.declarations["book"] = declaration("book", form="{type: xlsx}")
    book = openpyxl.Workbook()
    for line in (
        ["Kode", "Tahun", "Anggaran"],
        ["1101", 2017, "1.000,50"],
        ["@SUM(A1)", 2017, "3,5"],
        ["1103", 2018, "x"],
    ):
        book.active.append(line)
    content = BytesIO()
    book.save(content)
    first = await clerk.send("book", content.getvalue(), name="anggaran.xlsx")
    assert (first.state, first.rows_bad) == (S.STATE_PUBLISHED, 2), first.message
    kind, downloaded = await _bad_rows(clerk, first.name)
    assert kind.endswith("spreadsheetml.sheet")
    bad = openpyxl.load_workbook(BytesIO(downloaded))
    cells = list(bad.active.values)
    assert cells[0] == ("Kode", "Tahun", "Anggaran", "lumbung_row", "lumbung_reasons")
    assert [line[:4] for line in cells[1:]] == [
        ("'@SUM(A1)", "2017", "3,5", "2"),
        ("1103", "2018", "x", "3"),
    ]
    bad.active["A2"] = "1102"
    bad.active["C3"] = "7,5"
    mended = BytesIO()
    bad.save(mended)
    done = await clerk.send("book", mended.getvalue(), name="perbaikan.xlsx", correction_of=first.name)
    assert done.state == S.STATE_PUBLISHED, done.message
    assert _rows(lake, "book") == [
        ("1101", Decimal("1000.50")),
        ("1102", Decimal("3.50")),
        ("1103", Decimal("7.50")),
    ]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _bad_rows(service.client("steward-pusat", "steward"), first.name)
    assert "mended" in caught.value.details()
