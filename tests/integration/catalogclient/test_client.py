"""The client against real stubs on loopback, behind servicekit's interceptor."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import grpc
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from catalogclient import CatalogAuditSink, CatalogClient
from lake import Column, TableSchema
from lumbung.annotations.v1 import access_pb2
from lumbung.catalog.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    dataset_service_pb2,
    dataset_service_pb2_grpc,
    lineage_service_pb2,
    lineage_service_pb2_grpc,
    policy_service_pb2,
    policy_service_pb2_grpc,
)
from servicekit.auth import AccessRules, Principal, TokenVerifier
from servicekit.errors import NotFoundError, Text, UnavailableError
from servicekit.server import AuditRecord, CallInterceptor, GrpcServer, open_channel
from servicekit.settings import AuthSettings, ListenSettings, PeerSettings

from support.ports import free_port

ISSUER = "http://issuer.test/realms/lumbung"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class _Identity:
    async def metadata(self):
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "lumbung-api",
            "azp": "svc-ingest",
            "sub": "svc",
            "iat": now,
            "exp": now + 300,
            "realm_access": {"roles": ["service"]},
        }
        token = jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "k"})
        return (("authorization", f"Bearer {token}"),)


class _Catalog(
    policy_service_pb2_grpc.PolicyServiceServicer,
    dataset_service_pb2_grpc.DatasetServiceServicer,
    lineage_service_pb2_grpc.LineageServiceServicer,
    audit_service_pb2_grpc.AuditServiceServicer,
):
    def __init__(self):
        self.requests = []

    async def DecideAccess(self, request, context):
        self.requests.append(request)
        return policy_service_pb2.DecideAccessResponse(
            decisions=[
                policy_service_pb2.AccessDecision(resource=name, allowed=name == "datasets/open", ask="owner")
                for name in request.resources
            ]
        )

    async def GetDataset(self, request, context):
        if request.name != "datasets/open":
            raise NotFoundError(
                Text(en="No such dataset.", id="Dataset tidak ada."), reason="DATASET_NOT_FOUND"
            )
        return dataset_service_pb2.Dataset(
            name=request.name, declaration="kind: Dataset", tags=["apbd"], owner="unit", revision=4
        )

    async def RecordSnapshot(self, request, context):
        self.requests.append(request)
        return dataset_service_pb2.Snapshot(name=request.snapshot.name)

    async def RecordLineage(self, request, context):
        self.requests.append(request)
        return lineage_service_pb2.RecordLineageResponse()

    async def RecordAuditEntries(self, request, context):
        self.requests.append(request)
        return audit_service_pb2.RecordAuditEntriesResponse()


@pytest.fixture
async def world():
    document = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "k", "use": "sig"}
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json={"keys": [document]}))
    catalog = _Catalog()
    async with httpx.AsyncClient(transport=transport) as http:
        listen = ListenSettings(port=free_port(), metrics_port=free_port(), stop_grace_seconds=0)
        modules = [policy_service_pb2, dataset_service_pb2, lineage_service_pb2, audit_service_pb2]
        verifier = TokenVerifier(AuthSettings(issuer=ISSUER, jwks_url="http://issuer.test/"), http)
        rules = AccessRules.from_protos(modules, access_pb2.access)
        server = GrpcServer(listen, CallInterceptor(rules, verifier))
        for register, name in (
            (policy_service_pb2_grpc.add_PolicyServiceServicer_to_server, "PolicyService"),
            (dataset_service_pb2_grpc.add_DatasetServiceServicer_to_server, "DatasetService"),
            (lineage_service_pb2_grpc.add_LineageServiceServicer_to_server, "LineageService"),
            (audit_service_pb2_grpc.add_AuditServiceServicer_to_server, "AuditService"),
        ):
            server.add(register, catalog, f"lumbung.catalog.v1.{name}")
        await server.start()
        async with open_channel(PeerSettings(target=f"127.0.0.1:{listen.port}")) as channel:
            yield channel, catalog, server
        await server.stop()


async def test_decisions_come_in_the_order_asked(world):
    channel, catalog, _ = world
    client = CatalogClient(channel, _Identity())
    caller = Principal("s", "analis", frozenset({"viewer"}), office="32", authorized_party="lumbung-cli")
    decisions = await client.decide(
        caller, ["datasets/shut", "datasets/open"], action="read", door="sql", purpose="p", detail="SELECT 1"
    )
    assert [(entry.resource, entry.allowed) for entry in decisions] == [
        ("datasets/shut", False),
        ("datasets/open", True),
    ]
    assert catalog.requests[0].caller.office == "32"
    assert list(catalog.requests[0].caller.roles) == ["viewer"]


async def test_a_dataset_and_what_is_said_of_one_that_is_not_there(world):
    channel, _, _ = world
    client = CatalogClient(channel, _Identity())
    found = await client.get_dataset("open")
    assert (found.declaration, found.tags, found.owner, found.revision) == (
        "kind: Dataset",
        ("apbd",),
        "unit",
        4,
    )
    with pytest.raises(NotFoundError) as caught:
        await client.get_dataset("shut")
    assert caught.value.message == Text(en="No such dataset.", id="Dataset tidak ada.")
    assert caught.value.stable_reason == "DATASET_NOT_FOUND"


async def test_snapshots_and_lineage_are_told(world):
    channel, catalog, _ = world
    client = CatalogClient(channel, _Identity())
    schema = TableSchema((Column("year", "int32", description="tahun"),))
    await client.record_snapshot(
        "open", 2**62, rows=3, origin="submissions/s", schema=schema, control_totals={"total": "1.00"}
    )
    await client.record_lineage(
        [("files/a", "datasets/open")], process="submissions/s", labels={"files/a": "a.csv"}
    )
    snapshot, lineage = catalog.requests
    assert snapshot.snapshot.name == f"datasets/open/snapshots/{2**62}"
    assert (snapshot.columns[0].name, snapshot.columns[0].type) == ("year", "int32")
    assert lineage.edges[0].source_label == "a.csv"


async def test_the_sink_reaches_the_log(world):
    channel, catalog, _ = world
    sink = CatalogAuditSink(channel, _Identity())
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    await sink.record(AuditRecord("u", moment, "a", "b", "c", "d", "OK", "write", "t"))
    await sink.stop()
    [entry] = catalog.requests[0].entries
    assert entry.time.ToDatetime(UTC) == moment


async def test_a_catalog_that_is_away_is_told_as_unavailable(world):
    channel, _, server = world
    await server.stop()
    with pytest.raises(UnavailableError) as caught:
        await CatalogClient(channel, _Identity(), timeout_seconds=2).get_dataset("open")
    assert caught.value.stable_reason == "CATALOG_UNAVAILABLE"
    assert isinstance(caught.value.__cause__, grpc.aio.AioRpcError)


async def test_the_readme_runs(world):
    channel, catalog, _ = world
    readme = Path(__file__).parents[3] / "libs" / "catalogclient" / "README.md"
    [source] = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(compile(source, str(readme), "exec"), names)  # noqa: S102
    assert await names["read"](channel, _Identity()) == "unit, revision 4"
    await names["audit"](
        channel, _Identity(), AuditRecord("u", datetime.now(UTC), "a", "b", "c", "d", "OK", "read", "t")
    )
    assert catalog.requests[-1].entries[0].uid == "u"
