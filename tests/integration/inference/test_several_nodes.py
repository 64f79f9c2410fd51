"""A head and a worker of Ray, and a gateway that asks where the replicas are: what leaves or dies costs no prediction."""

import contextlib
import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from gateway_service import GatewaySettings
from gateway_service.settings import (
    AccessLogSettings,
    DiscoverySettings,
    PredictionSettings,
    PublicListenSettings,
)
from servicekit.settings import AuthSettings, PeerSettings

from support.gateway import run_envoy
from support.inference_stack import run_inference_cluster
from support.predictions import Callers, deploy_steady
from support.servers import free_ports

pytestmark = pytest.mark.timeout(900)

SECONDS = 240


@pytest.fixture(scope="module")
def stack(postgres_server, s3_server):
    with run_inference_cluster(postgres_server, s3_server) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(stack, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    port, admin = free_ports(2)
    discovery = DiscoverySettings(target=f"127.0.0.1:{stack.base + 40}")
    settings = GatewaySettings(
        listen=PublicListenSettings(port=port, admin_port=admin),
        auth=AuthSettings(issuer=stack.signin.issuer, jwks_url=stack.signin.jwks_url),
        access_log=AccessLogSettings(path=str(folder / "access.log")),
        services={
            name: PeerSettings(target="127.0.0.1:9") for name in ("ingest", "catalog", "compute", "inference")
        },
        predictions=PredictionSettings(discovery=discovery),
    )
    with run_envoy(settings, folder) as running:
        yield running


def _endpoints(stack):
    """Addresses of the replicas that the gateway is told now; None while the service does not say."""
    try:
        answer = httpx.post(
            f"http://127.0.0.1:{stack.base + 40}/v3/discovery:endpoints",
            json={"resource_names": ["serve_grpc"]},
            timeout=5,
            trust_env=False,
        )
    except httpx.HTTPError:
        return None
    if answer.status_code != 200:
        return None
    (resource,) = answer.json()["resources"]
    places = [
        entry["endpoint"]["address"]["socket_address"] for entry in resource["endpoints"][0]["lb_endpoints"]
    ]
    return {(place["address"], place["port_value"]) for place in places}


def _wait_for(stack, number):
    deadline = time.monotonic() + SECONDS
    while (found := _endpoints(stack)) is None or len(found) != number:
        assert time.monotonic() < deadline, (
            f"{found}, not {number}; {stack.log('service')[-600:]} {stack.log('head')}"
        )
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def serving(stack, gateway):
    _wait_for(stack, 2)
    deploy_steady(stack)
    return stack


def _callers(stack, gateway):
    return Callers(gateway, stack.signin.token("ilmuwan-pusat", "viewer"))


def _processes(folder):
    """Every process of the node whose folder is named."""
    mark = os.fsencode(folder)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "cmdline").read_bytes() + (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


def test_each_node_has_a_replica_of_its_own(serving):
    found = _wait_for(serving, 2)
    assert {address for address, _ in found} == {"127.0.0.2"}
    assert {port for _, port in found} <= set(range(serving.base + 50, serving.base + 60))


def test_a_worker_that_ends_sends_its_callers_elsewhere(serving, gateway):
    with _callers(serving, gateway) as callers:
        time.sleep(1)
        serving.stop("worker")
        assert len(_endpoints(serving) or ()) == 1
        reached = callers.answered
        time.sleep(2)
        assert callers.answered > reached, callers.lost[-3:]
        serving.start("worker")
        _wait_for(serving, 2)
        time.sleep(1)
    assert callers.lost == []


def test_a_worker_that_dies_costs_no_prediction(serving, gateway):
    with _callers(serving, gateway) as callers:
        time.sleep(1)
        victims = _processes(serving.folder / "worker")
        assert len(victims) >= 3, "the node, its daemon, its replica"
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        serving.processes.pop("worker").wait(10)
        _wait_for(serving, 1)
        serving.start("worker")
        _wait_for(serving, 2)
        time.sleep(1)
    assert callers.lost == []


def test_replicas_outlive_the_service_and_the_head(serving, gateway):
    before = _wait_for(serving, 2)
    with _callers(serving, gateway) as callers:
        serving.stop("service")
        serving.stop("head")
        time.sleep(3)
        reached = callers.answered
        time.sleep(3)
        assert callers.answered > reached, "the worker's replica answers without a head"
        serving.start("head")
        serving.start("service")
        serving.wait_for_service()
        after = _wait_for(serving, 2)
        time.sleep(1)
    assert callers.lost == []
    assert before & after, "the worker's replica is the one of before"
