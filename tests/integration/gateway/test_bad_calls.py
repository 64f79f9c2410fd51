"""Whoever has no good token gets nowhere: not through the gateway, and not past it either."""

import grpc
import pytest

from lumbung.ingest.v1 import submission_service_pb2 as pb

from support.tokens import Target, bad_calls

TARGET = Target(unruled="/lumbung.ingest.v1.Unruled/DeleteEverything")
REQUEST = pb.GetSubmissionRequest(name="submissions/a").SerializeToString()


def _call(target, path, metadata):
    """The code and the message of one unary call with raw bytes."""
    with grpc.insecure_channel(target, options=[("grpc.enable_retries", 0)]) as channel:
        try:
            channel.unary_unary(path)(REQUEST, metadata=metadata, timeout=30)
        except grpc.RpcError as error:
            return error.code().name, error.details()
    return "OK", ""


@pytest.fixture(scope="module")
def table(edge):
    calls = bad_calls(edge.token(), edge.key.public_key(), signing_key=edge.key, target=TARGET)
    return {call.name: call for call in calls}


def _names():
    from support.tokens import issue, new_key

    key = new_key()
    genuine = issue(key, "http://issuer.test/realms/lumbung")
    return [call.name for call in bad_calls(genuine, key.public_key(), signing_key=key, target=TARGET)]


NAMES = _names()


def test_there_are_forty_and_more():
    assert len(set(NAMES)) == len(NAMES) >= 40


def test_the_genuine_token_passes_on_both_ways(edge):
    metadata = [("authorization", f"Bearer {edge.token()}")]
    assert _call(edge.gateway.target, TARGET.method, metadata)[0] == "OK"
    assert _call(edge.upstream, TARGET.method, metadata)[0] == "OK"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", ["edge", "service"])
def test_it_is_refused(edge, table, name, way):
    call = table[name]
    edge.reached.calls.clear()
    target = edge.gateway.target if way == "edge" else edge.upstream
    code, message = _call(target, call.path, call.metadata)
    assert code in call.codes, (code, message)
    assert edge.reached.calls == []


def test_the_gateway_sends_none_of_them_on(edge, table):
    before = edge.gateway.sent_on()
    _call(edge.gateway.target, TARGET.method, [("authorization", f"Bearer {edge.token()}")])
    assert edge.gateway.sent_on() == before + 1
    for call in table.values():
        _call(edge.gateway.target, call.path, call.metadata)
        assert edge.gateway.sent_on() == before + 1, call.name


def test_a_table_without_the_issuers_key_is_as_long_and_refused_too(edge):
    calls = bad_calls(edge.token(), edge.key.public_key(), target=TARGET)
    assert [call.name for call in calls] == NAMES
    edge.reached.calls.clear()
    for call in calls:
        code, message = _call(edge.gateway.target, call.path, call.metadata)
        assert code in call.codes, (call.name, code, message)
    assert edge.reached.calls == []
