"""Replicas report where they answer, and the gateway is told."""

import json

import httpx
import pytest

from inference_service.clients.fleet import FleetProbe
from inference_service.converters import report_from_proto
from inference_service.discovery.endpoints import CLUSTERS, discovery_response
from inference_service.discovery.server import DiscoveryServer
from inference_service.domain.names import VersionRef
from inference_service.domain.replica import ReplicaReport, ReplicaState, is_address
from inference_service.errors import BadReportError
from inference_service.service.replicas import ReplicaService
from inference_service.storage.replica_directory import ReplicaDirectory
from lumbung.inference.v1 import replica_service_pb2 as pb
from servicekit.auth import Principal
from servicekit.errors import PermissionDeniedError

from support.servers import free_ports

LEASE = 5.0


class _Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return _Clock()


@pytest.fixture
def directory(clock):
    return ReplicaDirectory(LEASE, clock)


def _report(name, port, state=ReplicaState.SERVING):
    return ReplicaReport(name, f"10.0.0.1:{port}", f"10.0.0.1:{port + 20}", state)


def _places(directory):
    return [replica.grpc_address for replica in directory.serving()]


def test_who_reports_is_listed_until_it_is_silent(directory, clock):
    directory.report_replica(_report("b", 18201))
    directory.report_replica(_report("a", 18200))
    assert _places(directory) == ["10.0.0.1:18200", "10.0.0.1:18201"]
    clock.now += LEASE - 1
    directory.report_replica(_report("a", 18200))
    clock.now += 2
    assert _places(directory) == ["10.0.0.1:18200"]


def test_who_leaves_is_not_listed_any_more(directory):
    directory.report_replica(_report("a", 18200))
    directory.report_replica(_report("a", 18200, ReplicaState.LEAVING))
    assert _places(directory) == []


def test_nothing_is_settled_before_all_had_the_time_to_report(directory, clock):
    assert not directory.settled
    clock.now += 2 * LEASE
    # Began long ago, but nobody could report to it until now.
    directory.report_replica(_report("a", 18200))
    assert not directory.settled
    for _ in range(5):
        clock.now += LEASE / 4
        directory.report_replica(_report("a", 18200))
    assert directory.settled
    clock.now += LEASE
    assert not directory.settled


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("10.0.0.1:18200", True),
        ("[fd00::1]:18200", True),
        ("replica:18200", False),
        ("10.0.0.1", False),
        ("10.0.0.1:0", False),
        ("10.0.0.1:70000", False),
        ("10.0.0.1:x", False),
        ("", False),
    ],
)
def test_an_address_is_an_ip_and_a_port(text, good):
    assert is_address(text) is good


OWN = Principal("s", "service-account-svc-inference", frozenset({"service"}), "", "svc-inference")


async def test_only_the_services_own_replicas_report(directory):
    """ReportReplica."""
    service = ReplicaService(directory, "svc-inference")
    await service.report_replica(OWN, _report("a", 18200))
    other = Principal("s", "service-account-svc-ingest", frozenset({"service"}), "", "svc-ingest")
    with pytest.raises(PermissionDeniedError, match="svc-ingest"):
        await service.report_replica(other, _report("b", 18201))
    assert _places(directory) == ["10.0.0.1:18200"]


@pytest.mark.parametrize(
    ("field", "value"), [("grpc_address", "evil.example:1"), ("http_address", "x"), ("replica", "r" * 101)]
)
async def test_a_report_that_cannot_be_is_refused(directory, field, value):
    good = {"replica": "a", "grpc_address": "10.0.0.1:1", "http_address": "10.0.0.1:2"}
    report = ReplicaReport(**(good | {field: value}), state=ReplicaState.SERVING)
    with pytest.raises(BadReportError) as caught:
        await ReplicaService(directory, "svc-inference").report_replica(OWN, report)
    assert caught.value.field == field
    assert _places(directory) == []


@pytest.mark.parametrize(
    ("state", "read"),
    [
        (pb.ReportReplicaRequest.STATE_SERVING, ReplicaState.SERVING),
        (pb.ReportReplicaRequest.STATE_LEAVING, ReplicaState.LEAVING),
    ],
)
def test_a_report_is_read(state, read):
    request = pb.ReportReplicaRequest(
        replica="a", grpc_address="10.0.0.1:1", http_address="10.0.0.1:2", state=state
    )
    assert report_from_proto(request) == ReplicaReport("a", "10.0.0.1:1", "10.0.0.1:2", read)


def test_the_same_replicas_are_the_same_version_in_envoys_words():
    replicas = [_report("a", 18200)]
    answer = discovery_response(list(CLUSTERS), replicas)
    assert answer == discovery_response(list(CLUSTERS), [_report("a-started-anew", 18200)])
    assert answer["version_info"] != discovery_response(list(CLUSTERS), [])["version_info"]
    grpc, http = answer["resources"]
    assert (grpc["cluster_name"], http["cluster_name"]) == ("serve_grpc", "serve_http")
    (endpoint,) = http["endpoints"][0]["lb_endpoints"]
    place = endpoint["endpoint"]["address"]["socket_address"]
    assert place == {"address": "10.0.0.1", "port_value": 18220}
    assert [
        resource["cluster_name"] for resource in discovery_response(["serve_http", "x"], [])["resources"]
    ] == ["serve_http"]


@pytest.fixture
async def asked(directory):
    """Asks the running server as Envoy does."""
    (port,) = free_ports(1)
    server = DiscoveryServer(directory)
    await server.start("127.0.0.1", port)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

        async def ask(body, **more):
            return await client.post("/v3/discovery:endpoints", content=body, **more)

        yield ask
    await server.stop()


async def test_the_gateway_is_told_of_changes_only(asked, directory, clock):
    question = {"resource_names": ["serve_grpc"], "node": {"id": "gateway"}}
    assert (await asked(json.dumps(question))).status_code == 503
    directory.report_replica(_report("a", 18200))
    assert (await asked(json.dumps(question))).status_code == 503, "another may not have reported yet"
    clock.now += LEASE - 0.1
    directory.report_replica(_report("a", 18200))
    clock.now += 0.2
    answer = await asked(json.dumps(question))
    assert answer.status_code == 200
    assert answer.json() == discovery_response(["serve_grpc"], directory.serving())
    known = question | {"version_info": answer.json()["version_info"]}
    assert (await asked(json.dumps(known))).status_code == 304
    # Nothing is not told: an address that may be wrong is better.
    directory.report_replica(_report("a", 18200, ReplicaState.LEAVING))
    assert (await asked(json.dumps(known))).status_code == 503


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", '{"resource_names": 1}'])
async def test_a_question_that_is_none_is_refused(asked, body):
    assert (await asked(body)).status_code == 400


async def test_a_question_is_limited(asked):
    assert (await asked(b"x" * (1024 * 1024 + 1))).status_code == 413

    async def pieces():
        yield b"x"

    assert (await asked(pieces())).status_code == 413


async def test_without_a_replica_nothing_is_ready():
    probe = FleetProbe(list, identity=None)
    assert not await probe.alive()
    assert not await probe.ready(VersionRef("m", 1))
    assert await probe.failure(VersionRef("m", 1)) is None
    await probe.close()
