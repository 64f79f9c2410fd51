"""The validation report in its three forms, and what a publication changes."""

import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from io import BytesIO

import grpc
import openpyxl
import pytest

from lumbung.ingest.v1 import submission_service_pb2 as pb

from .conftest import declaration
from .test_uploads import reason

S = pb.Submission
REPORT = pb.DownloadReportRequest
CONTENT = b"Kode;Tahun;Anggaran\n1101;2017;5\n=cmd|'/c calc'!A1;2017;1\n<script>alert(1)</script>;2017;1\n"


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.cells, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


async def _report(client, name, form):
    return await client.download("DownloadReport", REPORT(name=name, format=form))


async def test_the_report_in_three_forms(service, catalog):
    catalog.declarations["told"] = declaration("told", certify="required")
    clerk = service.client()
    done = await clerk.send("told", CONTENT, name="a<b>.csv")
    kind, page = await _report(clerk, done.name, REPORT.FORMAT_HTML)
    assert kind == "text/html; charset=utf-8"
    assert (await _report(clerk, done.name, REPORT.FORMAT_UNSPECIFIED))[1] == page
    read = _Page()
    read.feed(page.decode())
    # Nothing of the file becomes markup, and nothing is fetched or run.
    assert not {"script", "img", "link", "iframe"} & set(read.tags)
    assert not [value for name, value in read.attributes if name in {"src", "href", "onclick"}]
    assert {"caption", "th", "main", "h1"} <= set(read.tags)
    assert ("scope", "col") in read.attributes
    assert {value for name, value in read.attributes if name == "lang"} == {"id", "en"}
    assert "<script>alert(1)</script>" in read.cells
    assert any("tidak berbentuk" in cell and "does not have the form" in cell for cell in read.cells)

    kind, content = await _report(clerk, done.name, REPORT.FORMAT_JSON)
    report = json.loads(content)
    assert kind == "application/json"
    assert report["submission"]["name"] == done.name
    assert report["submission"]["content_digest"] == done.content_digest
    assert report["submission"]["control_totals"] == {"rows": "1", "budget/2017": "5.00"}
    assert [(f["row"], f["column"], f["rule"]) for f in report["findings"]] == [
        (2, "region_code", "pattern"),
        (3, "region_code", "pattern"),
    ]
    assert set(report["findings"][0]["message"]) == {"id", "en"}

    kind, content = await _report(clerk, done.name, REPORT.FORMAT_XLSX)
    assert kind.endswith("spreadsheetml.sheet")
    book = openpyxl.load_workbook(BytesIO(content))
    summary, findings = book.worksheets
    assert (done.name,) == tuple(line[1] for line in summary.values if line[0] == "Kiriman / Submission")
    lines = list(findings.values)
    assert lines[1][2] == "'=cmd|'/c calc'!A1"
    assert all(cell.data_type != "f" for sheet in book for line in sheet for cell in line)
    assert len(lines) == 3


async def test_the_report_has_the_door_of_the_findings(service, catalog):
    catalog.declarations["shut"] = declaration("shut")
    clerk = service.client()
    done = await clerk.send("shut", CONTENT)
    catalog.readers = {"steward-pusat"}
    for method, request in (
        ("DownloadReport", REPORT(name=done.name)),
        ("DownloadBadRows", pb.DownloadBadRowsRequest(name=done.name)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await clerk.download(method, request)
        assert reason(caught.value) == "READING_DENIED"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await service.client("orang-lain").download(method, request)
        assert reason(caught.value) == "SUBMISSION_NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _compare(clerk, done.name)
    assert reason(caught.value) == "READING_DENIED"
    assert await _report(service.client("steward-pusat", "steward"), done.name, REPORT.FORMAT_JSON)
    assert catalog.decisions[-1].door == "findings"


async def test_many_findings_come_in_pieces(service, catalog):
    catalog.declarations["much"] = declaration("much")
    bad = "".join(f"{1000 + n % 9000};x;{n}\n" for n in range(25_000))
    clerk = service.client()
    done = await clerk.send("much", f"Kode;Tahun;Anggaran\n1101;2017;1\n{bad}".encode())
    pieces = [
        piece.data
        async for piece in clerk.submissions.DownloadReport(
            REPORT(name=done.name, format=REPORT.FORMAT_JSON), metadata=clerk.metadata
        )
    ]
    assert len(pieces) > 3
    rows = [finding["row"] for finding in json.loads(b"".join(pieces))["findings"]]
    assert rows == list(range(2, 25_002))


async def _compare(client, name, **options):
    request = pb.CompareSubmissionRequest(name=name, **options)
    return await client.submissions.CompareSubmission(request, metadata=client.metadata)


def _numbers(answer):
    return (answer.rows_added, answer.rows_removed, answer.rows_changed, answer.rows_same)


@pytest.mark.parametrize("mode", ["overwrite", "replace"])
async def test_what_a_submission_changes_before_and_after_it_is_published(service, catalog, mode):
    dataset = f"diff_{mode}"
    catalog.declarations[dataset] = declaration(dataset, mode=mode, certify="required")
    clerk = service.client()
    certifier = service.client("pengesah-pusat", "certifier", "viewer")
    first = await clerk.send(
        dataset, b"Kode;Tahun;Anggaran\n1101;2017;1\n1102;2017;2\n1103;2017;3\n1103;2016;9\n"
    )
    alone = await _compare(certifier, first.name)
    assert (_numbers(alone), alone.previous_snapshot) == ((4, 0, 0, 0), "")
    first = await certifier.certify(first)
    second = await clerk.send(dataset, b"Kode;Tahun;Anggaran\n1101;2017;1\n1102;2017;5\n1104;2017;4\n")
    waiting = await _compare(certifier, second.name)
    # `replace` leaves 2016 as it is, `overwrite` takes it away.
    removed = 1 if mode == "replace" else 2
    assert _numbers(waiting) == (1, removed, 1, 1)
    assert waiting.previous_snapshot == first.snapshot
    totals = {total.name: (total.before, total.after) for total in waiting.totals}
    assert totals["budget/2017"] == ("6.00", "10.00")
    assert totals["rows"] == ("3" if mode == "replace" else "4", "3")
    changed = next(row for row in waiting.rows if row.kind == pb.RowDifference.KIND_CHANGED)
    assert dict(changed.key) == {"region_code": "1102", "year": "2017"}
    assert [(v.column, v.before, v.after) for v in changed.values] == [("budget", "2.00", "5.00")]
    assert not waiting.truncated
    assert not waiting.withheld
    cut = await _compare(certifier, second.name, max_rows=1)
    assert (len(cut.rows), cut.truncated) == (1, True)
    await certifier.certify(second)
    assert await _compare(certifier, second.name) == waiting
    await certifier.revert(second.name)
    assert await _compare(certifier, second.name) == waiting
    refused = await clerk.send(dataset, b"Kode;Tahun;Anggaran\nx;2017;1\n")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _compare(certifier, refused.name)
    assert reason(caught.value) == "SUBMISSION_STATE"


async def test_what_an_append_adds(service, catalog):
    catalog.declarations["diff_append"] = declaration("diff_append")
    clerk = service.client()
    await clerk.send("diff_append", b"Kode;Tahun;Anggaran\n1101;2017;1\n")
    second = await clerk.send("diff_append", b"Kode;Tahun;Anggaran\n1101;2017;2\n1102;2017;2\n")
    answer = await _compare(clerk, second.name)
    assert _numbers(answer) == (2, 0, 0, 0)
    assert {row.key["region_code"] for row in answer.rows} == {"1101", "1102"}


async def test_files_outside_the_window_are_refused_with_its_dates(service, catalog):
    def minute(moment):
        return (moment + timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M")

    now = datetime.now(UTC)
    past, before, after = (minute(now + timedelta(days=days)) for days in (-9, -2, 3))
    catalog.declarations["timed"] = declaration(
        "timed",
        more=f"""  windows:
    time_zone: Asia/Jakarta
    periods:
      - {{opens: "{past}", deadline: "{before}", corrections_until: "{after}", offices: [pusat]}}
      - {{opens: "{past}", deadline: "{after}", offices: ["32"]}}""",
    )
    open_now = service.signin.token("kontributor-32", "contributor", office="32")
    client = service.client()
    allowed = type(client)(client.channel, open_now)
    done = await allowed.send("timed", CONTENT)
    assert done.state == S.STATE_PUBLISHED
    for language, said in (("en", "are taken from"), ("id", "diterima")):
        late = service.client(language=language)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await late.create("timed", 10)
        assert reason(caught.value) == "WINDOW_CLOSED"
        for part in (said, past, before, "Asia/Jakarta"):
            assert part in caught.value.details()
    steward = type(client)(
        client.channel, service.signin.token("wali", "contributor", "steward", office="pusat")
    )
    # Corrections are taken longer.
    assert (await steward.create("timed", 10, correction_of=done.name)).name
    nobody = type(client)(client.channel, service.signin.token("lain", "contributor", office="51"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await nobody.create("timed", 10)
    assert "51" in caught.value.details()
