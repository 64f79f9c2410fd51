"""What happens around a call that is cancelled, late, unrecorded, streamed or of no method at all."""

import asyncio
import time

import grpc
import httpx
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from prometheus_client import REGISTRY

from lumbung.annotations.v1 import access_pb2
from lumbung.compute.v1 import query_service_pb2 as query_pb
from lumbung.compute.v1 import query_service_pb2_grpc as query_grpc
from lumbung.ingest.v1 import upload_service_pb2 as pb
from lumbung.ingest.v1 import upload_service_pb2_grpc as pb_grpc
from servicekit.auth import AccessRules, TokenVerifier
from servicekit.errors import Text, UnavailableError
from servicekit.server import CallInterceptor, GrpcServer
from servicekit.settings import AuthSettings, ListenSettings

from support.ports import free_port

ISSUER = "http://issuer.test/realms/lumbung"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _metadata(*roles):
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "lumbung-api",
        "azp": "lumbung-cli",
        "sub": "s",
        "preferred_username": "somebody",
        "iat": now,
        "exp": now + 300,
        "realm_access": {"roles": roles},
    }
    token = jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "k"})
    return [("authorization", f"Bearer {token}")]


class _Audit:
    def __init__(self):
        self.records = []
        self.broken = False

    async def record(self, record):
        if self.broken:
            raise UnavailableError(Text(en="No audit.", id="Tanpa audit."), reason="AUDIT_UNAVAILABLE")
        self.records.append(record)


class _Uploads(pb_grpc.UploadServiceServicer):
    async def CreateUpload(self, request, context):
        if request.upload.file_name == "slow":
            await asyncio.sleep(30)
        if request.upload.file_name == "abort":
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, "too far")
        if request.upload.file_name == "database":
            raise psycopg.OperationalError("secret host does not answer")
        return pb.Upload(name="uploads/new")

    async def WriteUpload(self, request_iterator, context):
        size = 0
        async for chunk in request_iterator:
            size += len(chunk.data)
        return pb.WriteUploadResponse(committed_bytes=size)


class _Queries(query_grpc.QueryServiceServicer):
    def __init__(self):
        self.closed = asyncio.Event()

    async def RunQuery(self, request, context):
        try:
            for _ in range(3 if request.sql == "three" else 100_000):
                yield query_pb.RunQueryResponse(arrow_ipc=b"x" * 1000)
                await asyncio.sleep(0.001)
        finally:
            self.closed.set()


class _World:
    def __init__(self, channel, audit, queries, server):
        self.channel, self.audit, self.queries, self.server = channel, audit, queries, server
        self.uploads = pb_grpc.UploadServiceStub(channel)
        self.query = query_grpc.QueryServiceStub(channel)

    def create(self, file_name="a", **options):
        request = pb.CreateUploadRequest(
            upload=pb.Upload(dataset="datasets/d", file_name=file_name, size_bytes=1)
        )
        return self.uploads.CreateUpload(request, metadata=_metadata("contributor"), **options)

    async def recorded(self, count):
        for _ in range(200):
            if len(self.audit.records) >= count:
                return [(record.action.rsplit("/")[-1], record.outcome) for record in self.audit.records]
            await asyncio.sleep(0.02)
        raise AssertionError(self.audit.records)


@pytest.fixture
async def world():
    document = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "k", "use": "sig"}
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json={"keys": [document]}))
    audit, queries = _Audit(), _Queries()
    async with httpx.AsyncClient(transport=transport) as http:
        listen = ListenSettings(port=free_port(), metrics_port=free_port(), stop_grace_seconds=2)
        rules = AccessRules.from_protos([pb, query_pb], access_pb2.access)
        verifier = TokenVerifier(AuthSettings(issuer=ISSUER, jwks_url="http://issuer.test/"), http)
        server = GrpcServer(listen, CallInterceptor(rules, verifier, audit))
        server.add(pb_grpc.add_UploadServiceServicer_to_server, _Uploads(), "lumbung.ingest.v1.UploadService")
        server.add(query_grpc.add_QueryServiceServicer_to_server, queries, "lumbung.compute.v1.QueryService")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{listen.port}") as channel:
            yield _World(channel, audit, queries, server)
        await server.stop()


async def test_a_stream_of_answers_ends_and_is_recorded(world):
    call = world.query.RunQuery(query_pb.RunQueryRequest(sql="three"), metadata=_metadata("viewer"))
    assert len([answer async for answer in call]) == 3
    assert await world.recorded(1) == [("RunQuery", "OK")]


async def test_when_the_caller_goes_away_the_servicer_is_told_and_it_is_recorded(world):
    call = world.query.RunQuery(query_pb.RunQueryRequest(sql="endless"), metadata=_metadata("viewer"))
    async for _ in call:
        break
    call.cancel()
    await asyncio.wait_for(world.queries.closed.wait(), 5)
    assert await world.recorded(1) == [("RunQuery", "CANCELLED")]


async def test_a_deadline_ends_the_call_and_it_is_recorded(world):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.create("slow", timeout=1)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    # The service's own answer, which is a moment faster than gRPC's.
    assert "Ask for less" in caught.value.details()
    assert await world.recorded(1) == [("CreateUpload", "DEADLINE_EXCEEDED")]


async def test_a_write_names_what_it_made(world):
    await world.create()
    await world.recorded(1)
    assert world.audit.records[0].resource == "uploads/new"


async def test_a_write_that_cannot_be_recorded_fails(world):
    world.audit.broken = True
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.create()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    info = error_details_pb2.ErrorInfo()
    rpc_status.from_call(caught.value).details[0].Unpack(info)
    assert info.reason == "AUDIT_UNAVAILABLE"


async def test_what_a_servicer_aborts_with_is_recorded(world):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.create("abort")
    assert caught.value.code() is grpc.StatusCode.OUT_OF_RANGE
    assert await world.recorded(1) == [("CreateUpload", "OUT_OF_RANGE")]


async def test_a_database_that_is_away_is_told_without_its_secrets(world):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.create("database")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "secret" not in caught.value.details()


async def test_every_message_of_a_stream_is_held_against_its_descriptor(world):
    def chunks():
        yield pb.WriteUploadRequest(name="uploads/a", data=b"x", crc32c=1)
        yield pb.WriteUploadRequest(name="uploads/a")

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.uploads.WriteUpload(chunks(), metadata=_metadata("contributor"))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "data" in caught.value.details()


async def test_an_unknown_method_makes_no_label(world):
    for path in ("/no.Such/Method", "/lumbung.ingest.v1.UploadService/Nothing", f"/x/{'y' * 500}"):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await world.channel.unary_unary(path)(b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    labels = {
        sample.labels["method"]
        for metric in REGISTRY.collect()
        if metric.name == "lumbung_grpc_calls"
        for sample in metric.samples
    }
    assert not [label for label in labels if "Nothing" in label or "no.Such" in label or "yyy" in label]


async def test_stopping_lets_a_running_call_end(world):
    stream = world.query.RunQuery(query_pb.RunQueryRequest(sql="three"), metadata=_metadata("viewer"))
    answers = aiter(stream)
    await anext(answers)
    health = health_pb2_grpc.HealthStub(world.channel)
    assert (await health.Check(health_pb2.HealthCheckRequest())).status == 1
    stopping = asyncio.create_task(world.server.stop())
    assert len([answer async for answer in answers]) == 2
    await stopping


async def test_a_port_in_use_is_named():
    port = free_port()
    verifier = TokenVerifier(AuthSettings(issuer=ISSUER, jwks_url="http://issuer.test/"))
    listen = ListenSettings(port=port, metrics_port=free_port(), stop_grace_seconds=0)
    first = GrpcServer(listen, CallInterceptor(AccessRules({}), verifier))
    await first.start()
    second = GrpcServer(listen, CallInterceptor(AccessRules({}), verifier))
    with pytest.raises(OSError, match=f"127.0.0.1:{port} .*listen.port"):
        await second.start()
    await first.stop()
