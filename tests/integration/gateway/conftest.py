"""One gateway for the whole folder: Envoy, an issuer's key set, and one server that stands for every service."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import grpc
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from gateway_service import GatewaySettings
from gateway_service.settings import (
    AccessLogSettings,
    GatewayTelemetry,
    LimitsSettings,
    PredictionSettings,
    PublicListenSettings,
)
from lumbung.annotations.v1 import access_pb2
from lumbung.catalog.v1 import (
    dataset_service_pb2,
    dataset_service_pb2_grpc,
    policy_service_pb2,
    policy_service_pb2_grpc,
)
from lumbung.compute.v1 import query_service_pb2, query_service_pb2_grpc
from lumbung.ingest.v1 import (
    submission_service_pb2,
    submission_service_pb2_grpc,
    upload_service_pb2,
    upload_service_pb2_grpc,
)
from servicekit.auth import AccessRules, TokenVerifier, current_principal
from servicekit.errors import NotFoundError, Text
from servicekit.server import CallInterceptor, GrpcServer
from servicekit.settings import AuthSettings, ListenSettings, PeerSettings

from support.gateway import RunningGateway, run_envoy, serve_documents
from support.servers import free_ports
from support.tokens import issue, jwks, new_key

ORIGIN = "http://portal.test"


@dataclass
class Reached:
    """What came through to a servicer."""

    calls: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    spans: list[str] = field(default_factory=list)

    def note(self, name: str, context: grpc.aio.ServicerContext | None = None) -> None:
        self.calls.append(name)
        if context is not None:
            self.metadata = {
                key: value for key, value in context.invocation_metadata() if isinstance(value, str)
            }


class _Submissions(submission_service_pb2_grpc.SubmissionServiceServicer):
    def __init__(self, reached):
        self.reached = reached

    async def GetSubmission(self, request, context):
        self.reached.note("GetSubmission", context)
        if request.name.endswith("/missing"):
            raise NotFoundError(
                Text(en=f"There is no {request.name}.", id=f"{request.name} tidak ada."),
                Text(en="List them first.", id="Lihat daftarnya dahulu."),
                reason="SUBMISSION_NOT_FOUND",
            )
        return submission_service_pb2.Submission(name=request.name, submitter=current_principal().username)

    async def ListSubmissions(self, request, context):
        self.reached.note("ListSubmissions", context)
        await asyncio.sleep(60)


class _Uploads(upload_service_pb2_grpc.UploadServiceServicer):
    def __init__(self, reached):
        self.reached = reached

    async def CreateUpload(self, request, context):
        self.reached.note("CreateUpload", context)
        return upload_service_pb2.Upload(name="uploads/u1", dataset=request.upload.dataset)

    async def WriteUpload(self, request_iterator, context):
        self.reached.note("WriteUpload", context)
        size = 0
        async for request in request_iterator:
            size += len(request.data)
        return upload_service_pb2.WriteUploadResponse(committed_bytes=size)


class _Queries(query_service_pb2_grpc.QueryServiceServicer):
    def __init__(self, reached):
        self.reached = reached

    async def RunQuery(self, request, context):
        self.reached.note("RunQuery", context)
        for _ in range(3):
            await asyncio.sleep(0.1)
            yield query_service_pb2.RunQueryResponse(arrow_ipc=b"x" * 10)


class _Datasets(dataset_service_pb2_grpc.DatasetServiceServicer):
    def __init__(self, reached):
        self.reached = reached

    async def ListDatasets(self, request, context):
        self.reached.note("ListDatasets", context)
        return dataset_service_pb2.ListDatasetsResponse()

    async def ApplyDataset(self, request, context):
        self.reached.note("ApplyDataset", context)
        return dataset_service_pb2.Dataset(name="datasets/x")


class _Policies(policy_service_pb2_grpc.PolicyServiceServicer):
    def __init__(self, reached):
        self.reached = reached

    async def DecideAccess(self, request, context):
        self.reached.note("DecideAccess", context)
        return policy_service_pb2.DecideAccessResponse()


class _Collector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, reached):
        self.reached = reached

    async def Export(self, request, context):
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.reached.spans.extend(span.trace_id.hex() for span in scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()


_MODULES = (
    submission_service_pb2,
    upload_service_pb2,
    query_service_pb2,
    dataset_service_pb2,
    policy_service_pb2,
)


async def _serve(reached, auth, ports, started, stop):
    rules = AccessRules.from_protos(_MODULES, access_pb2.access)
    async with httpx.AsyncClient(trust_env=False) as http:
        listen = ListenSettings(port=ports[0], metrics_port=ports[1], stop_grace_seconds=0)
        server = GrpcServer(listen, CallInterceptor(rules, TokenVerifier(auth, http)))
        for grpc_module, servicer, name in (
            (submission_service_pb2_grpc, _Submissions, "lumbung.ingest.v1.SubmissionService"),
            (upload_service_pb2_grpc, _Uploads, "lumbung.ingest.v1.UploadService"),
            (query_service_pb2_grpc, _Queries, "lumbung.compute.v1.QueryService"),
            (dataset_service_pb2_grpc, _Datasets, "lumbung.catalog.v1.DatasetService"),
            (policy_service_pb2_grpc, _Policies, "lumbung.catalog.v1.PolicyService"),
        ):
            register = getattr(grpc_module, f"add_{name.rsplit('.', 1)[1]}Servicer_to_server")
            server.add(register, servicer(reached), name)

        async def unruled(request, context):
            reached.note("DeleteEverything", context)
            return b""

        handler = grpc.unary_unary_rpc_method_handler(unruled)
        server.grpc.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    "lumbung.ingest.v1.Unruled", {"DeleteEverything": handler}
                ),
            )
        )
        collector = grpc.aio.server()
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Collector(reached), collector)
        collector.add_insecure_port(f"127.0.0.1:{ports[2]}")
        await collector.start()
        await server.start()
        started.set()
        await asyncio.to_thread(stop.wait)
        await server.stop()
        await collector.stop(None)


@dataclass(frozen=True)
class Edge:
    """The running gateway with what is behind it."""

    gateway: RunningGateway
    upstream: str
    key: rsa.RSAPrivateKey
    issuer: str
    reached: Reached

    def token(self, **changes) -> str:
        return issue(self.key, self.issuer, **changes)

    def bearer(self, **changes) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token(**changes)}"}


@pytest.fixture(scope="session")
def edge(tmp_path_factory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("gateway")
    key = new_key()
    documents = {"/realms/lumbung/protocol/openid-connect/certs": jwks(key)}
    ports = free_ports(6)
    reached = Reached()
    started, stop = threading.Event(), threading.Event()
    with serve_documents(documents | {"/healthz": {}, "/": {"page": "portal"}, "/portal/status": {}}) as web:
        issuer = f"{web}/realms/lumbung"
        auth = AuthSettings(issuer=issuer, jwks_url=f"{issuer}/protocol/openid-connect/certs")
        thread = threading.Thread(target=lambda: asyncio.run(_serve(reached, auth, ports, started, stop)))
        thread.start()
        assert started.wait(60)
        upstream = PeerSettings(target=f"127.0.0.1:{ports[0]}")
        settings = GatewaySettings(
            listen=PublicListenSettings(port=ports[3], admin_port=ports[4]),
            auth=auth,
            services=dict.fromkeys(("ingest", "catalog", "compute", "inference"), upstream),
            portal=PeerSettings(target=web.removeprefix("http://")),
            predictions=PredictionSettings(
                grpc=upstream, http=PeerSettings(target=web.removeprefix("http://"))
            ),
            telemetry=GatewayTelemetry(otlp=PeerSettings(target=f"127.0.0.1:{ports[2]}"), sample_ratio=0.0),
            access_log=AccessLogSettings(path=str(folder / "access.log")),
            limits=LimitsSettings(
                request_bytes=2 * 1024 * 1024,
                method_seconds={"lumbung.ingest.v1.SubmissionService/ListSubmissions": 0.7},
            ),
            allowed_origins=(ORIGIN,),
        )
        try:
            with run_envoy(settings, folder) as gateway:
                yield Edge(gateway, upstream.target, key, issuer, reached)
        finally:
            stop.set()
            thread.join(30)
