"""The sink against a catalog that exists only in memory and can be away."""

import asyncio
import time
from datetime import UTC, datetime

import grpc
import pytest
from prometheus_client import REGISTRY

from catalogclient import CatalogAuditSink, audit
from servicekit.errors import UnavailableError
from servicekit.server import AuditRecord


class _Failed(grpc.aio.AioRpcError):
    def __init__(self, code):
        super().__init__(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "no")


class _Stub:
    """Takes entries; `failing` is the code that it fails with, `poison` a uid that it never takes."""

    def __init__(self):
        self.uids = []
        self.failing = None
        self.poison = None
        self.delay = 0.0

    async def RecordAuditEntries(self, request, metadata, timeout):  # noqa: ASYNC109
        assert ("authorization", "Bearer t") in metadata
        await asyncio.sleep(self.delay)
        if self.failing is not None:
            raise _Failed(self.failing)
        if self.poison in {entry.uid for entry in request.entries}:
            raise _Failed(grpc.StatusCode.INVALID_ARGUMENT)
        self.uids += [entry.uid for entry in request.entries]


class _Identity:
    async def metadata(self):
        return (("authorization", "Bearer t"),)


def _record(uid, level="read"):
    return AuditRecord(
        uid, datetime.now(UTC), "somebody", "lumbung-cli", "a.B/C", "datasets/d", "OK", level, "0" * 32
    )


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(audit, "FLUSH_SECONDS", 0.02)
    monkeypatch.setattr(audit, "RETRY_SECONDS", 0.05)
    return _Stub()


@pytest.fixture
async def sink(stub):
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        sink = CatalogAuditSink(channel, _Identity())
        sink._stub = stub
        sink.start()
        yield sink
        await sink.stop(0.2)


async def _until(condition):
    for _ in range(300):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("did not come")


async def test_a_write_is_there_before_record_returns(sink, stub):
    await sink.record(_record("w", "write"))
    assert stub.uids == ["w"]


async def test_reads_follow_soon_and_in_order(sink, stub):
    wanted = [f"r{number}" for number in range(1000)]
    for uid in wanted:
        await sink.record(_record(uid))
    await _until(lambda: len(stub.uids) >= 1000)
    assert stub.uids == wanted


async def test_a_write_does_not_overtake_the_reads_before_it(sink, stub):
    await sink.record(_record("r"))
    await sink.record(_record("w", "write"))
    assert stub.uids == ["r", "w"]


async def test_nothing_is_lost_when_many_record_at_once(sink, stub):
    stub.delay = 0.005
    await asyncio.gather(*(sink.record(_record(f"{n}", "write" if n % 3 else "read")) for n in range(900)))
    await _until(lambda: len(stub.uids) >= 900)
    assert stub.uids == [f"{n}" for n in range(900)]


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAUTHENTICATED]
)
async def test_an_outage_fails_writes_and_loses_nothing(sink, stub, code):
    stub.failing = code
    await sink.record(_record("r"))
    with pytest.raises(UnavailableError) as caught:
        await sink.record(_record("w", "write"))
    assert caught.value.stable_reason == "AUDIT_UNAVAILABLE"
    await sink.record(_record("r2"))
    stub.failing = None
    await _until(lambda: len(stub.uids) == 3)
    assert stub.uids == ["r", "w", "r2"]


async def test_one_record_that_is_refused_holds_up_no_other(sink, stub):
    stub.poison = "bad"
    for uid in ("a", "bad", "b"):
        await sink.record(_record(uid))
    await sink.record(_record("w", "write"))
    assert stub.uids == ["a", "b", "w"]


async def test_no_room_refuses_instead_of_dropping(sink, stub, monkeypatch):
    monkeypatch.setattr(audit, "MAX_WAITING", 3)
    stub.failing = grpc.StatusCode.UNAVAILABLE
    for number in range(3):
        await sink.record(_record(f"{number}"))
    with pytest.raises(UnavailableError) as caught:
        await sink.record(_record("4"))
    assert caught.value.stable_reason == "AUDIT_FULL"


async def test_stop_sends_what_waits(sink, stub):
    for number in range(450):
        await sink.record(_record(f"{number}"))
    await sink.stop()
    assert len(stub.uids) == 450


async def test_stop_is_bounded_and_leaves_the_rest_in_the_log(sink, stub, capsys):
    stub.failing = grpc.StatusCode.UNAVAILABLE
    await sink.record(_record("left-over"))
    begun = time.monotonic()
    await sink.stop(0.3)
    assert time.monotonic() - begun < 2
    assert "left-over" in capsys.readouterr().out


async def test_a_caller_that_gives_up_does_not_disturb_the_sender(sink, stub):
    stub.delay = 0.1
    waiting = asyncio.create_task(sink.record(_record("w", "write")))
    await asyncio.sleep(0.03)
    waiting.cancel()
    await sink.record(_record("w2", "write"))
    assert stub.uids == ["w", "w2"]


async def test_what_waits_is_told(sink, stub):
    def told(name, **labels):
        return REGISTRY.get_sample_value(name, {"queue": "audit_records", **labels})

    stub.failing = grpc.StatusCode.UNAVAILABLE
    for number in range(3):
        await sink.record(_record(f"r{number}"))
    await _until(lambda: told("lumbung_queue_items", state="waiting") == 3)
    await _until(lambda: told("lumbung_queue_oldest_seconds") > 0.1)
    stub.failing = None
    await _until(lambda: told("lumbung_queue_items", state="waiting") == 0)
    assert told("lumbung_queue_oldest_seconds") == 0
