"""Who sees which submission and which finding."""

import grpc
import pytest

from lumbung.ingest.v1 import submission_service_pb2 as pb

from .conftest import declaration
from .test_uploads import reason

CONTENT = b"Kode;Tahun;Anggaran\n1101;2017;1\nx;2017;1\n"


async def _list(client, **fields):
    return await client.submissions.ListSubmissions(
        pb.ListSubmissionsRequest(**fields), metadata=client.metadata
    )


async def test_submissions_are_seen_by_their_sender_and_by_stewards(service, catalog):
    catalog.declarations["seen"] = declaration("seen", mode="overwrite")
    mine, other = service.client("pengirim-a"), service.client("pengirim-b")
    steward = service.client("steward-pusat", "steward")
    names = [(await mine.send("seen", CONTENT + b"%d;2018;1\n" % n)).name for n in (1102, 1103, 1104)]
    listed = await _list(mine, page_size=2)
    assert [submission.name for submission in listed.submissions] == names[:0:-1]
    rest = await _list(mine, page_size=2, page_token=listed.next_page_token)
    assert [submission.name for submission in rest.submissions] == names[:1]
    assert not rest.next_page_token
    assert not (await _list(other)).submissions
    assert {s.name for s in (await _list(steward, dataset="datasets/seen")).submissions} == set(names)
    assert not (await _list(steward, dataset="datasets/other")).submissions
    answers = []
    for name in (names[0], "submissions/" + "0" * 22):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await other.get(name)
        answers.append((reason(caught.value), caught.value.details().replace(name, "x")))
    assert answers[0] == answers[1]
    assert (await steward.get(names[0])).submitter == "pengirim-a"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _list(mine, page_token="nonsense")
    assert reason(caught.value) == "PAGE_TOKEN_INVALID"


async def test_findings_need_a_decision_on_the_quarantine(service, catalog):
    catalog.declarations["guarded"] = declaration("guarded")
    catalog.readers = {"steward-pusat"}
    client = service.client()
    done = await client.send("guarded", CONTENT)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.findings(done.name)
    assert reason(caught.value) == "READING_DENIED"
    assert "steward-pusat" in caught.value.details()
    steward = service.client("steward-pusat", "steward", language="id")
    found = (await steward.findings(done.name)).findings
    assert [(f.row, f.column, f.value, f.rule) for f in found] == [(2, "region_code", "x", "pattern")]
    assert catalog.decisions[-1].door == "findings"
    assert list(catalog.decisions[-1].resources) == ["quarantines/guarded"]


async def test_warnings_are_kept_with_the_submission(service, catalog):
    rules = "[{id: small, severity: warning, column: budget, check: budget > 5, message: {id: kecil, en: small}, remedy: {id: a, en: b}}]"
    catalog.declarations["warned"] = declaration("warned", rules=rules)
    client = service.client()
    done = await client.send("warned", CONTENT)
    assert done.rows_good == 1
    found = [(f.row, f.rule, f.severity) for f in (await client.findings(done.name, size=1)).findings]
    page = await client.findings(done.name, size=1)
    while page.next_page_token:
        page = await client.findings(done.name, size=1, token=page.next_page_token)
        found += [(f.row, f.rule, f.severity) for f in page.findings]
    assert found[0][1] == "small"
    assert (2, "pattern", pb.SEVERITY_ERROR) in found
    assert {(c.rule, c.rows) for c in done.rule_counts} == {("small", 2), ("pattern", 1)}
