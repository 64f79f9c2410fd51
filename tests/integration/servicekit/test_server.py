"""A real server and client on loopback: sign-in, roles, required fields, errors, audit."""

import asyncio
import time

import grpc
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from lumbung.annotations.v1 import access_pb2
from lumbung.ingest.v1 import submission_service_pb2 as pb
from lumbung.ingest.v1 import submission_service_pb2_grpc as pb_grpc
from servicekit.auth import AccessRules, TokenVerifier, current_principal
from servicekit.errors import NotFoundError, Text
from servicekit.server import AuditRecord, CallInterceptor, GrpcServer
from servicekit.settings import AuthSettings, ListenSettings

from support.ports import free_port

ISSUER = "http://127.0.0.1:1/realms/lumbung"


class _Submissions(pb_grpc.SubmissionServiceServicer):
    async def GetSubmission(self, request, context):
        if request.name.endswith("/missing"):
            raise NotFoundError(
                Text(en=f"There is no {request.name}.", id=f"{request.name} tidak ada."),
                Text(en="List them first.", id="Lihat daftarnya dahulu."),
                reason="SUBMISSION_NOT_FOUND",
            )
        if request.name.endswith("/broken"):
            raise RuntimeError("secret detail")
        return pb.Submission(name=request.name, submitter=current_principal().username)


class _Audit:
    def __init__(self):
        self.records: list[AuditRecord] = []

    async def record(self, record):
        self.records.append(record)


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _token(key, **changes):
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "lumbung-api",
        "azp": "lumbung-cli",
        "sub": "s-1",
        "typ": "Bearer",
        "preferred_username": "kontributor-pusat",
        "iat": now,
        "exp": now + 300,
        "realm_access": {"roles": ["contributor"]},
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k1"})


@pytest.fixture
async def server(key):
    document = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {
        "kid": "k1",
        "use": "sig",
    }
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json={"keys": [document]}))
    audit = _Audit()
    async with httpx.AsyncClient(transport=transport) as http:
        listen = ListenSettings(port=free_port(), metrics_port=free_port(), stop_grace_seconds=0)
        rules = AccessRules.from_protos([pb], access_pb2.access)
        verifier = TokenVerifier(AuthSettings(issuer=ISSUER, jwks_url="http://keys.test/"), http)
        grpc_server = GrpcServer(listen, CallInterceptor(rules, verifier, audit))
        grpc_server.add(
            pb_grpc.add_SubmissionServiceServicer_to_server,
            _Submissions(),
            "lumbung.ingest.v1.SubmissionService",
        )
        await grpc_server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{listen.port}") as channel:
            yield channel, audit
        await grpc_server.stop()


async def _get(channel, name, token, language="en"):
    metadata = [("accept-language", language)]
    if token:
        metadata.append(("authorization", f"Bearer {token}"))
    return await pb_grpc.SubmissionServiceStub(channel).GetSubmission(
        pb.GetSubmissionRequest(name=name), metadata=metadata
    )


def _details(error):
    status = rpc_status.from_call(error)
    found = {}
    for detail in status.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
            if detail.Is(kind.DESCRIPTOR):
                found[kind.__name__] = kind()
                detail.Unpack(found[kind.__name__])
    return found


async def test_a_good_token_reaches_the_servicer(server, key):
    channel, _ = server
    answer = await _get(channel, "submissions/a", _token(key))
    assert answer.submitter == "kontributor-pusat"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": 1}, "TOKEN_EXPIRED"),
        ({"aud": "other"}, "TOKEN_AUDIENCE"),
        ({"iss": "http://elsewhere"}, "TOKEN_ISSUER"),
        ({"azp": "stranger"}, "TOKEN_AUTHORIZED_PARTY"),
        ({"typ": "ID"}, "TOKEN_TYPE"),
        ({"sub": None}, "TOKEN_INVALID"),
    ],
)
async def test_a_bad_claim_is_refused(server, key, changes, reason):
    channel, _ = server
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _get(channel, "submissions/a", _token(key, **changes))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert _details(caught.value)["ErrorInfo"].reason == reason


async def test_foreign_key_none_and_shared_secret_are_refused(server, key):
    channel, _ = server
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(_token(key), options={"verify_signature": False})
    tokens = [
        None,
        "not-a-token",
        _token(other),
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, "x" * 64, algorithm="HS256", headers={"kid": "k1"}),
        _token(key)[:-6] + "AAAAAA",
    ]
    for token in tokens:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _get(channel, "submissions/a", token)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED, token


async def test_a_missing_role_is_refused_in_the_callers_language(server, key):
    channel, _ = server
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _get(channel, "submissions/a", _token(key, realm_access={"roles": ["viewer"]}), language="id")
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "tidak berhak" in caught.value.details()


async def test_a_required_field_is_asked_for(server, key):
    channel, _ = server
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _get(channel, "", _token(key))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert _details(caught.value)["BadRequest"].field_violations[0].field == "name"


async def test_errors_carry_reason_and_remedy_and_hide_the_unexpected(server, key):
    channel, _ = server
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _get(channel, "submissions/missing", _token(key))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert _details(caught.value)["ErrorInfo"].reason == "SUBMISSION_NOT_FOUND"
    assert caught.value.details() == "There is no submissions/missing. List them first."
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _get(channel, "submissions/broken", _token(key))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in caught.value.details()


async def test_health_needs_no_token(server):
    channel, _ = server
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_server_that_ends_takes_calls_until_its_callers_have_heard_it():
    listen = ListenSettings(
        port=free_port(), metrics_port=free_port(), stop_grace_seconds=0, drain_seconds=0.5
    )
    rules = AccessRules.from_protos([pb], access_pb2.access)
    verifier = TokenVerifier(AuthSettings(issuer=ISSUER, jwks_url="http://keys.test/"))
    server = GrpcServer(listen, CallInterceptor(rules, verifier, _Audit()))
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{listen.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        await health.Check(health_pb2.HealthCheckRequest())
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0.1)
        answer = await health.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        await stopping
        with pytest.raises(grpc.aio.AioRpcError):
            await health.Check(health_pb2.HealthCheckRequest(), timeout=1)


async def test_a_server_has_the_keys_before_it_says_that_it_serves(key):
    document = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "k1"}
    listen = ListenSettings(port=free_port(), metrics_port=free_port(), stop_grace_seconds=0, drain_seconds=0)
    asked = []

    async def answer(_request):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", listen.port)
        asked.append(1)
        return httpx.Response(200, json={"keys": [document]})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        verifier = TokenVerifier(AuthSettings(issuer=ISSUER, jwks_url="http://keys.test/"), http)
        server = GrpcServer(listen, CallInterceptor(AccessRules({}), verifier, _Audit()))
        await server.start()
        assert asked == [1]
        await server.stop()


async def test_an_audited_read_is_recorded(server, key):
    channel, audit = server
    stub = pb_grpc.SubmissionServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ListFindings(
            pb.ListFindingsRequest(parent="submissions/a"),
            metadata=[("authorization", f"Bearer {_token(key)}")],
        )
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert [(entry.action, entry.resource) for entry in audit.records] == [
        ("lumbung.ingest.v1.SubmissionService/ListFindings", "submissions/a")
    ]


async def test_bytes_that_are_no_request_are_read_only_after_sign_in_and_then_refused(server, key):
    channel, _ = server
    call = channel.unary_unary("/lumbung.ingest.v1.SubmissionService/GetSubmission")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(b"\xff\xff")
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(b"\xff\xff", metadata=[("authorization", f"Bearer {_token(key)}")])
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert _details(caught.value)["ErrorInfo"].reason == "REQUEST_UNREADABLE"


async def test_two_authorizations_hold_as_none(server, key):
    channel, _ = server
    call = channel.unary_unary("/lumbung.ingest.v1.SubmissionService/GetSubmission")
    good = ("authorization", f"Bearer {_token(key)}")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(b"", metadata=[("authorization", "Bearer a.b.c"), good])
    assert _details(caught.value)["ErrorInfo"].reason == "TOKEN_MALFORMED"
