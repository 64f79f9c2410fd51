import asyncio

import pytest
from google.rpc import status_pb2

from inference_service.replica.gate import Gate, Passage, merged
from servicekit.auth import AccessRules, Principal
from servicekit.auth.access import AccessRule
from servicekit.errors import InvalidArgumentError, Text, UnavailableError

METHOD = "/inference.GRPCInferenceService/ModelInfer"
VIEWER = Principal(subject="s", username="analis", roles=frozenset({"viewer"}), authorized_party="cli")


class _Verifier:
    def __init__(self, principal=VIEWER):
        self.principal_of = principal

    async def principal(self, authorization):
        return self.principal_of


class _Sink:
    def __init__(self, error=None):
        self.records = []
        self._error = error

    async def record(self, record):
        if self._error is not None:
            raise self._error
        self.records.append(record)


def _gate(sink, *, seconds=5.0, principal=VIEWER):
    rules = AccessRules({METHOD: AccessRule(roles=frozenset({"viewer"}), audit="read")})
    return Gate(rules, _Verifier(principal), seconds, sink)


async def _answer(passage):
    passage.resource = "models/m/versions/1"
    return b"answer"


async def test_a_call_is_answered_and_recorded_under_its_trace():
    sink = _Sink()
    trace = "0af7651916cd43dd8448eb211c80319c"
    passage = Passage(METHOD, {"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert await _gate(sink).call(passage, _answer) == b"answer"
    (record,) = sink.records
    assert (record.username, record.outcome, record.resource) == ("analis", "OK", "models/m/versions/1")
    assert record.trace_id == passage.trace_id == trace


async def test_a_caller_without_the_role_does_not_reach_the_work():
    sink = _Sink()
    reached = []
    stranger = Principal(subject="s", username="x", roles=frozenset({"auditor"}))

    async def work(passage):
        reached.append(passage)

    answer = await _gate(sink, principal=stranger).call(Passage(METHOD, {}), work)
    assert isinstance(answer, status_pb2.Status)
    assert answer.code == 7
    assert reached == []
    assert [record.outcome for record in sink.records] == ["PERMISSION_DENIED"]


async def test_known_and_unknown_errors_become_statuses():
    sink = _Sink()

    async def bad(passage):
        raise InvalidArgumentError(Text(en="bad", id="salah"))

    async def broken(passage):
        raise KeyError("secret")

    answer = await _gate(sink).call(Passage(METHOD, {"accept-language": "id"}), bad)
    assert (answer.code, answer.message) == (3, "salah")
    answer = await _gate(sink).call(Passage(METHOD, {}), broken)
    assert answer.code == 13
    assert "secret" not in str(answer)
    assert [record.outcome for record in sink.records] == ["INVALID_ARGUMENT", "INTERNAL"]


async def test_a_call_has_a_longest_time():
    sink = _Sink()

    async def slow(passage):
        await asyncio.sleep(5)

    answer = await _gate(sink, seconds=0.01).call(Passage(METHOD, {}), slow)
    assert answer.code == 4
    assert [record.outcome for record in sink.records] == ["DEADLINE_EXCEEDED"]


@pytest.mark.parametrize(
    ("left", "outcome"), [(None, "CANCELLED"), (3.0, "CANCELLED"), (0.0, "DEADLINE_EXCEEDED")]
)
async def test_a_call_that_is_given_up_is_recorded_and_ends(left, outcome):
    sink = _Sink()
    begun = asyncio.Event()

    async def slow(passage):
        begun.set()
        await asyncio.sleep(5)

    task = asyncio.create_task(_gate(sink).call(Passage(METHOD, {}, lambda: left), slow))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [record.outcome for record in sink.records] == [outcome]


async def test_what_cannot_be_recorded_has_failed():
    full = UnavailableError(Text(en="no room", id="penuh"), reason="AUDIT_FULL")
    answer = await _gate(_Sink(full)).call(Passage(METHOD, {}), _answer)
    assert isinstance(answer, status_pb2.Status)
    assert answer.code == 14


def test_a_header_that_comes_twice_hides_nothing():
    pairs = [("authorization", "a"), ("authorization", "b"), ("x-bin", b"1")]
    assert merged(pairs) == {"authorization": "a, b"}
