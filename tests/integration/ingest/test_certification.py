"""What is validated waits for a second person; what was published can be taken back."""

import asyncio
import os
import signal
from datetime import UTC, datetime
from decimal import Decimal

import grpc
import pytest

from lake import TableId, system_decision
from lumbung.ingest.v1 import submission_service_pb2 as pb

from .conftest import Client, declaration, settings_for
from .test_uploads import reason
from support.ingestprocess import ingest_process, write_settings

S = pb.Submission
HEADER = "Kode;Tahun;Anggaran\n"


def _file(*rows) -> bytes:
    return (HEADER + "".join(f"{code};{year};{budget}\n" for code, year, budget in rows)).encode()


def _rows(lake, dataset, **options):
    frame = lake.reader.scan(dataset, system_decision(dataset, run_id="test"), **options).lazyframe
    return sorted(frame.select("region_code", "year", "budget").collect().rows())


def _shown(*rows):
    return sorted((str(code), year, Decimal(budget)) for code, year, budget in rows)


@pytest.fixture
def people(service):
    return service.client("kontributor-pusat"), service.client("pengesah-pusat", "certifier", "viewer")


def _staged(lake, name):
    return lake.objects.list_prefix(f"staging/submissions/{name.partition('/')[2]}/")


async def test_nothing_is_published_before_a_second_person_certifies(service, catalog, lake, people):
    clerk, certifier = people
    catalog.declarations["eyes"] = declaration("eyes", certify="required")
    waiting = await clerk.send("eyes", _file(("1101", 2017, 5), ("1102", 2018, 7), ("x", 2017, 1)))
    assert waiting.state == S.STATE_VALIDATED, waiting.message
    assert "second person" in waiting.message
    assert (waiting.rows_good, waiting.rows_bad, waiting.snapshot) == (2, 1, "")
    assert len(waiting.content_digest) == 64
    assert not lake.table_exists("eyes")
    assert _staged(lake, waiting.name)
    # Its findings are there for whoever certifies it.
    assert [f.row for f in (await certifier.findings(waiting.name)).findings] == [3]

    done = await certifier.certify(waiting)
    assert (done.state, done.certifier) == (S.STATE_PUBLISHED, "pengesah-pusat")
    assert _rows(lake, "eyes") == _shown(("1101", 2017, 5), ("1102", 2018, 7))
    snapshot = lake.snapshots("eyes")[0]
    assert snapshot.summary["lumbung.property.certifier"] == "pengesah-pusat"
    assert lake.tags("eyes") == {f"publication-{snapshot.run_id}": snapshot.snapshot_id}
    assert lake.describe(TableId.quarantine("eyes")).rows == 1
    assert not _staged(lake, waiting.name)
    assert set(catalog.snapshots) == {done.snapshot}

    steps = await clerk.steps(waiting.name)
    assert [(step.action, step.state, step.actor) for step in steps] == [
        ("move", S.STATE_VALIDATING, ""),
        ("move", S.STATE_VALIDATED, ""),
        ("certify", S.STATE_CERTIFIED, "pengesah-pusat"),
        ("move", S.STATE_PUBLISHING, ""),
        ("move", S.STATE_PUBLISHED, ""),
    ]
    assert steps[2].content_digest == waiting.content_digest
    recorded = {(e.action.rpartition("/")[2], e.username, e.resource) for e in catalog.audit}
    assert ("CertifySubmission", "pengesah-pusat", waiting.name) in recorded


async def test_who_may_not_certify(service, catalog, people):
    clerk, certifier = people
    catalog.declarations["strict"] = declaration("strict", certify="required")
    waiting = await clerk.send("strict", _file(("1101", 2017, 5)))
    both = service.client("kontributor-pusat", "contributor", "certifier")
    outsider = service.client("pengesah-lain", "certifier")
    catalog.readers = {"pengesah-pusat", "kontributor-pusat"}
    wrong = [
        (clerk, {}, "ROLE_MISSING"),
        (both, {}, "FOUR_EYES"),
        (outsider, {}, "CERTIFICATION_DENIED"),
        (certifier, {"content_digest": "0" * 64}, "CONTENT_MISMATCH"),
        (certifier, {"control_totals": {"rows": "1", "budget/2017": "6.00"}}, "CONTENT_MISMATCH"),
        (certifier, {"control_totals": {"rows": "1"}}, "CONTENT_MISMATCH"),
    ]
    for client, changes, wanted in wrong:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.certify(waiting, **changes)
        assert reason(caught.value) == wanted
    assert (await clerk.get(waiting.name)).state == S.STATE_VALIDATED
    english, indonesian = [
        service.client("kontributor-pusat", "contributor", "certifier", language=language)
        for language in ("en", "id")
    ]
    said = []
    for client in (english, indonesian):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.certify(waiting)
        said.append(caught.value.details())
    assert "second person" in said[0]
    assert "orang kedua" in said[1]


async def test_a_step_is_done_once_per_request_id(service, catalog, people):
    clerk, certifier = people
    catalog.declarations["repeated"] = declaration("repeated", certify="required")
    waiting = await clerk.send("repeated", _file(("1101", 2017, 5)))
    done = await certifier.certify(waiting, request_id="r1")
    again = await certifier.certify(waiting, request_id="r1")
    assert again == done
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await certifier.certify(waiting, request_id="r2")
    assert reason(caught.value) == "SUBMISSION_STATE"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await certifier.revert(waiting.name, request_id="r1")
    assert reason(caught.value) == "REQUEST_ID_REUSED"
    assert sum(step.action == "certify" for step in await clerk.steps(waiting.name)) == 1


async def test_reject_and_withdraw(service, catalog, lake, people):
    clerk, certifier = people
    catalog.declarations["refused"] = declaration("refused", certify="required")
    stub = clerk.submissions
    first = await clerk.send("refused", _file(("1101", 2017, 5)))
    request = pb.RejectSubmissionRequest(name=first.name, reason="Jumlah tidak cocok dengan SPAN")
    with pytest.raises(grpc.aio.AioRpcError):
        await stub.RejectSubmission(request, metadata=clerk.metadata)
    rejected = await stub.RejectSubmission(request, metadata=certifier.metadata)
    assert rejected.state == S.STATE_REJECTED
    assert "Jumlah tidak cocok dengan SPAN" in rejected.message
    assert not _staged(lake, first.name)
    assert (await clerk.steps(first.name))[-1].reason == "Jumlah tidak cocok dengan SPAN"
    # The same file may come again after it was refused.
    second = await clerk.send("refused", _file(("1101", 2017, 5)))
    assert second.state == S.STATE_VALIDATED
    twin = await clerk.send("refused", _file(("1101", 2017, 5)), name="salinan.csv")
    assert twin.state == S.STATE_REJECTED
    assert second.name in twin.message
    withdraw = pb.WithdrawSubmissionRequest(name=second.name)
    other = service.client("admin-pusat", "admin")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.WithdrawSubmission(withdraw, metadata=other.metadata)
    assert reason(caught.value) == "NOT_THE_SENDER"
    assert (await stub.WithdrawSubmission(withdraw, metadata=clerk.metadata)).state == S.STATE_WITHDRAWN
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await certifier.certify(second)
    assert reason(caught.value) == "SUBMISSION_STATE"
    assert not lake.table_exists("refused")


async def test_a_contract_that_changed_meanwhile_publishes_nothing(service, catalog, lake, people):
    clerk, certifier = people
    catalog.declarations["moved"] = declaration("moved", certify="required")
    waiting = await clerk.send("moved", _file(("1101", 2017, 5)))
    catalog.revision += 1
    done = await certifier.certify(waiting)
    assert done.state == S.STATE_REJECTED
    assert "contract changed" in done.message
    assert not lake.table_exists("moved")


@pytest.mark.parametrize("certify", ["none", "required"])
async def test_revert_of_an_overwrite_brings_the_one_before_back(service, catalog, lake, people, certify):
    clerk, certifier = people
    dataset = f"back_{certify}"
    catalog.declarations[dataset] = declaration(dataset, mode="overwrite", certify=certify)

    async def publish(*rows):
        sent = await clerk.send(dataset, _file(*rows))
        return await certifier.certify(sent) if sent.state == S.STATE_VALIDATED else sent

    first = await publish(("1101", 2017, 5))
    second = await publish(("1101", 2017, 6), ("1102", 2017, 1))
    assert (await clerk.get(first.name)).state == S.STATE_SUPERSEDED
    assert (await clerk.get(first.name)).superseded_by == second.name
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await certifier.revert(first.name)
    assert reason(caught.value) == "BUILT_UPON"
    assert second.name in caught.value.details()
    known = datetime.now(UTC)
    gone = await certifier.revert(second.name)
    assert gone.state == S.STATE_REVERTED, gone.message
    assert "angka salah" in gone.message
    assert _rows(lake, dataset) == _shown(("1101", 2017, 5))
    assert _rows(lake, dataset, as_of=known) == _shown(("1101", 2017, 6), ("1102", 2017, 1))
    assert (await clerk.get(first.name)).state == S.STATE_PUBLISHED
    newest = lake.snapshots(dataset)[0]
    assert gone.revert_snapshot == f"datasets/{dataset}/snapshots/{newest.snapshot_id}"
    assert catalog.snapshots[gone.revert_snapshot].snapshot.origin == second.name
    assert lake.tags(dataset)[f"revert-{second.name.partition('/')[2]}"] == newest.snapshot_id
    # The same file may be published again, and the first can be taken back too: then nothing is left.
    third = await publish(("1101", 2017, 6), ("1102", 2017, 1))
    assert third.state == S.STATE_PUBLISHED
    assert third.snapshot != second.snapshot
    for name in (third.name, first.name):
        assert (await certifier.revert(name)).state == S.STATE_REVERTED
    assert _rows(lake, dataset) == []


async def test_revert_of_an_append_leaves_later_ones(service, catalog, lake, people):
    clerk, certifier = people
    catalog.declarations["grows"] = declaration("grows")
    sent = [await clerk.send("grows", _file((1101 + n, 2017, n))) for n in range(3)]
    assert (await certifier.revert(sent[1].name)).state == S.STATE_REVERTED
    assert _rows(lake, "grows") == _shown(("1101", 2017, 0), ("1103", 2017, 2))
    again = await clerk.send("grows", _file(("1102", 2017, 1)))
    assert (again.state, again.snapshot != sent[1].snapshot) == (S.STATE_PUBLISHED, True)
    assert len(_rows(lake, "grows")) == 3


async def test_revert_of_a_replace_gives_back_only_its_own_groups(service, catalog, lake, people):
    clerk, certifier = people
    catalog.declarations["groups"] = declaration("groups", mode="replace")
    await clerk.send("groups", _file(("1101", 2016, 1), ("1101", 2017, 1)))
    second = await clerk.send("groups", _file(("1101", 2017, 2)))
    third = await clerk.send("groups", _file(("1101", 2018, 3)))
    assert (await certifier.revert(second.name)).state == S.STATE_REVERTED
    assert _rows(lake, "groups") == _shown(("1101", 2016, 1), ("1101", 2017, 1), ("1101", 2018, 3))
    fourth = await clerk.send("groups", _file(("1102", 2018, 4)))
    assert (await clerk.get(third.name)).superseded_by == fourth.name
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await certifier.revert(third.name)
    assert reason(caught.value) == "BUILT_UPON"
    assert (await certifier.revert(fourth.name)).state == S.STATE_REVERTED
    assert (await clerk.get(third.name)).state == S.STATE_PUBLISHED
    assert (await certifier.revert(third.name)).state == S.STATE_REVERTED
    assert _rows(lake, "groups") == _shown(("1101", 2016, 1), ("1101", 2017, 1))


async def test_a_duplicate_is_reverted_with_the_one_that_published_it(service, catalog, people):
    clerk, certifier = people
    catalog.declarations["double"] = declaration("double")
    first = await clerk.send("double", _file(("1101", 2017, 1)))
    copy = await clerk.send("double", _file(("1101", 2017, 1)), name="salinan.csv")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await certifier.revert(copy.name)
    assert first.name in caught.value.details()
    await certifier.revert(first.name)
    assert (await clerk.get(copy.name)).state == S.STATE_REVERTED


@pytest.mark.timeout(300)
async def test_killed_while_it_publishes_and_reverts(stores, signin, catalog, lake, tmp_path):
    """`kill -9` at moments all over the work: each certified submission is committed once, each revert too."""
    names = ["killed_a", "killed_b", "killed_c"]
    for name in names:
        catalog.declarations[name] = declaration(name, certify="required")
    settings = settings_for(stores, signin, catalog, tmp_path)
    settings_file = write_settings(settings, tmp_path / "ingest.yaml")
    file = _file(*((1000 + n % 9000, 2000 + n // 9000, n) for n in range(20_000)))

    def clients(channel):
        return (
            Client(channel, signin.token("kontributor-pusat", "contributor", office="pusat")),
            Client(channel, signin.token("pengesah-pusat", "certifier", office="pusat")),
        )

    async def killed_after(seconds, begin):
        async with (
            ingest_process(settings_file, settings.listen.port) as process,
            grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel,
        ):
            await begin(*clients(channel))
            await asyncio.sleep(seconds)
            os.kill(process.pid, signal.SIGKILL)

    waiting = {}
    async with (
        ingest_process(settings_file, settings.listen.port),
        grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel,
    ):
        clerk, _certifier = clients(channel)
        for name in names:
            waiting[name] = await clerk.send(name, file)
            assert waiting[name].state == S.STATE_VALIDATED
    for name, seconds in zip(names, (0.02, 0.15, 0.4), strict=True):

        async def begin(_clerk, certifier, name=name):
            found = waiting[name]
            request = pb.CertifySubmissionRequest(
                name=found.name,
                content_digest=found.content_digest,
                control_totals=dict(found.control_totals),
                request_id="certify",
            )
            await certifier.submissions.CertifySubmission(request, metadata=certifier.metadata)

        await killed_after(seconds, begin)
    for name, seconds in zip(names, (0.02, 0.1, 0.25), strict=True):

        async def begin(clerk, certifier, name=name):
            assert (await clerk.wait(waiting[name].name)).state == S.STATE_PUBLISHED
            assert lake.describe(name).rows == 20_000
            request = pb.RevertSubmissionRequest(name=waiting[name].name, reason="uji", request_id="revert")
            await certifier.submissions.RevertSubmission(request, metadata=certifier.metadata)

        await killed_after(seconds, begin)
    async with (
        ingest_process(settings_file, settings.listen.port),
        grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel,
    ):
        clerk, _certifier = clients(channel)
        for name in names:
            assert (await clerk.wait(waiting[name].name)).state == S.STATE_REVERTED
            assert lake.describe(name).rows == 0
            own = waiting[name].name.partition("/")[2]
            assert [s.run_id for s in lake.snapshots(name)] == [f"revert-{own}", own]
            assert not _staged(lake, waiting[name].name)
