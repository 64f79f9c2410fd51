"""The port for probes and scrapers: readiness and metrics, and no way to the rest of the administration port."""

import httpx
import pytest

from gateway_service import GatewaySettings
from gateway_service.settings import AccessLogSettings, PublicListenSettings
from servicekit.settings import AuthSettings, PeerSettings

from support.gateway import run_envoy, serve_documents
from support.servers import free_ports
from support.tokens import jwks, new_key


@pytest.fixture(scope="module")
def status(tmp_path_factory):
    folder = tmp_path_factory.mktemp("status")
    port, admin, status = free_ports(3)
    with serve_documents({"/keys": jwks(new_key())}) as web:
        settings = GatewaySettings(
            listen=PublicListenSettings(port=port, admin_port=admin, status_port=status),
            auth=AuthSettings(issuer=web, jwks_url=f"{web}/keys"),
            access_log=AccessLogSettings(path=str(folder / "access.log")),
            services={
                name: PeerSettings(target="127.0.0.1:9")
                for name in ("ingest", "catalog", "compute", "inference")
            },
        )
        with (
            run_envoy(settings, folder),
            httpx.Client(base_url=f"http://127.0.0.1:{status}", trust_env=False, timeout=30) as client,
        ):
            yield client


def test_ready_and_metrics(status):
    assert status.get("/ready").text.strip() == "LIVE"
    metrics = status.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "envoy_server_live" in metrics.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/quitquitquit"),
        ("GET", "/config_dump"),
        ("GET", "/ready/../config_dump"),
        ("GET", "/%2e%2e/config_dump"),
        ("GET", "//config_dump"),
        ("POST", "/ready"),
        ("POST", "/metrics"),
        ("GET", "/readyz"),
        ("GET", "/stats"),
        ("GET", "/"),
    ],
)
def test_nothing_else(status, method, path):
    assert status.request(method, path).status_code in (400, 404)


def test_a_query_is_not_passed_on(status):
    assert status.get("/metrics?filter=nothing-has-this-name").text.count("\n") > 20
    assert status.get("/ready?drain").text.strip() == "LIVE"
