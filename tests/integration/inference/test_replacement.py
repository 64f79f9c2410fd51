"""A replica is replaced under load: predictions through the gateway notice nothing, and every one is in the audit log."""

import time

import pytest

from gateway_service import GatewaySettings
from gateway_service.settings import AccessLogSettings, PredictionSettings, PublicListenSettings
from servicekit.settings import AuthSettings, PeerSettings

from support.gateway import run_envoy
from support.inference_stack import run_inference_stack
from support.predictions import Callers, deploy_steady
from support.servers import free_ports

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def stack(postgres_server, s3_server):
    with run_inference_stack(postgres_server, s3_server) as running:
        yield running


@pytest.fixture
def gateway(stack, tmp_path):
    port, admin = free_ports(2)
    settings = GatewaySettings(
        listen=PublicListenSettings(port=port, admin_port=admin),
        auth=AuthSettings(issuer=stack.signin.issuer, jwks_url=stack.signin.jwks_url),
        access_log=AccessLogSettings(path=str(tmp_path / "access.log")),
        services={
            name: PeerSettings(target="127.0.0.1:9") for name in ("ingest", "catalog", "compute", "inference")
        },
        predictions=PredictionSettings(
            grpc=PeerSettings(target=stack.ingress),
            http=PeerSettings(target=stack.rest.removeprefix("http://")),
        ),
    )
    with run_envoy(settings, tmp_path) as running:
        yield running


def _audited(stack):
    return sum(
        entry.action.endswith("/ModelInfer") and entry.outcome == "OK" for entry in stack.catalog.audit
    )


def test_a_replaced_replica_loses_no_prediction(stack, gateway):
    deploy_steady(stack)
    before = set(stack.replicas())
    with Callers(gateway, stack.signin.token("ilmuwan-pusat", "viewer")) as callers:
        # Other settings need another replica; the service sees to it when it starts.
        stack.change_settings("limits", replica={"max_run_seconds": 9})
        deadline = time.monotonic() + 240
        seen = set()
        while not (now := set(stack.replicas())) or now & before:
            seen |= now
            assert time.monotonic() < deadline, f"replicas {now} after {before}"
            time.sleep(0.05)
        reached = callers.answered
        time.sleep(1)
        assert callers.answered > reached, "the new replica answers"
    assert callers.lost == []
    deadline = time.monotonic() + 10
    while _audited(stack) < callers.answered:
        assert time.monotonic() < deadline, f"{_audited(stack)} of {callers.answered} are in the audit log"
        time.sleep(0.1)
