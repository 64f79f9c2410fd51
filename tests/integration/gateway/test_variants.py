"""Settings that the common gateway of this folder does not have: TLS, moving replicas, a tight rate limit."""

import asyncio
import datetime as dt
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from gateway_service import GatewaySettings, render
from gateway_service.settings import (
    AccessLogSettings,
    DiscoverySettings,
    LimitsSettings,
    PredictionSettings,
    PublicListenSettings,
    TlsSettings,
)
from inference_service.discovery.server import DiscoveryServer
from inference_service.domain.replica import ReplicaReport, ReplicaState
from inference_service.storage.replica_directory import ReplicaDirectory
from servicekit.settings import AuthSettings, PeerSettings

from support.gateway import envoy_program, run_envoy, serve_documents
from support.jsonserver import Answer, serve_json
from support.servers import free_ports
from support.tokens import issue, jwks, new_key


def _certificate(folder, key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "tls.crt", folder / "tls.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem, secret


@pytest.fixture
def issuer():
    key = new_key()
    with serve_documents(
        {"/keys": jwks(key), "/v2/health/live": {"live": True}, "/v2": {"name": "x"}}
    ) as web:
        yield key, web


def _settings(folder, web, **changes):
    port, admin = free_ports(2)
    fields = {
        "listen": PublicListenSettings(port=port, admin_port=admin),
        "auth": AuthSettings(issuer=web, jwks_url=f"{web}/keys"),
        "access_log": AccessLogSettings(path=str(folder / "access.log")),
        "services": {
            name: PeerSettings(target="127.0.0.1:9") for name in ("ingest", "catalog", "compute", "inference")
        },
    }
    return GatewaySettings(**(fields | changes))


def test_envoy_finds_the_generated_configuration_valid(tmp_path):
    path = tmp_path / "envoy.yaml"
    path.write_text(render(GatewaySettings(telemetry={"otlp": {"target": "collector.test:4317"}})))
    done = subprocess.run(
        [envoy_program(), "--mode", "validate", "-c", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "eprecated" not in done.stderr


def test_tls_speaks_http2_and_http1(tmp_path, issuer):
    key, web = issuer
    pem, secret = _certificate(tmp_path, key)
    port, admin = free_ports(2)
    listen = PublicListenSettings(
        port=port, admin_port=admin, tls=TlsSettings(certificate_file=pem, private_key_file=secret)
    )
    with run_envoy(_settings(tmp_path, web, listen=listen), tmp_path):
        context = ssl.create_default_context(cafile=str(pem))
        answer = httpx.get(
            f"https://localhost:{port}/v1/datasets", verify=context, trust_env=False, timeout=30
        )
        assert answer.json()["details"][0]["reason"] == "TOKEN_REFUSED"
        credentials = grpc.ssl_channel_credentials(pem.read_bytes())
        with (
            grpc.secure_channel(f"localhost:{port}", credentials) as channel,
            pytest.raises(grpc.RpcError) as caught,
        ):
            channel.unary_unary("/lumbung.catalog.v1.DatasetService/ListDatasets")(b"", timeout=30)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


@contextmanager
def _discovery(directory):
    """The inference service's own answer to the gateway's question, in a thread with its own loop; gives its address."""
    (port,) = free_ports(1)
    server = DiscoveryServer(directory)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", port), loop).result(10)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_replicas_are_followed_as_the_inference_service_names_them(tmp_path, issuer):
    key, web = issuer
    clock = [0.0]
    directory = ReplicaDirectory(lease_seconds=60, clock=lambda: clock[0])

    def answers(http, status):
        deadline = time.monotonic() + 30
        while (answer := http.get("/v2/health/live", headers=headers)).status_code != status:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.1)
        return answer

    headers = {"authorization": f"Bearer {issue(key, web)}"}
    with _discovery(directory) as address:
        discovery = DiscoverySettings(target=address, refresh_seconds=0.2)
        settings = _settings(tmp_path, web, predictions=PredictionSettings(discovery=discovery))
        with (
            run_envoy(settings, tmp_path) as gateway,
            httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as http,
        ):
            assert answers(http, 503).json()["details"][0]["reason"] == "UNAVAILABLE"
            _serving(directory, clock, web.removeprefix("http://"))
            assert answers(http, 200).json() == {"live": True}
            assert http.get("/v2", headers=headers).json() == {"name": "x"}
            assert http.get("/v2/health/live").status_code == 401
            nobody = {"authorization": f"Bearer {issue(key, web, realm_access={'roles': ['guest']})}"}
            assert http.get("/v2/health/live", headers=nobody).status_code == 403
            # Nobody reports: the last answer holds.
            clock[0] += 100
            time.sleep(1)
            assert answers(http, 200)
            _serving(directory, clock, "127.0.0.1:9")
            answers(http, 503)


def test_a_replica_that_faltered_is_asked_when_the_other_is_gone(tmp_path, issuer):
    """It was ejected for its failures; that it is the only one left counts for more."""
    key, web = issuer
    faltering = [True]
    clock = [0.0]
    directory = ReplicaDirectory(lease_seconds=60, clock=lambda: clock[0])
    headers = {"authorization": f"Bearer {issue(key, web)}"}
    live = {"live": True}
    good = serve_json(lambda _asked: Answer(live))
    bad = serve_json(lambda _asked: Answer(None, 503) if faltering[0] else Answer(live))
    with bad as one, _discovery(directory) as address:
        discovery = DiscoverySettings(target=address, refresh_seconds=0.2)
        settings = _settings(tmp_path, web, predictions=PredictionSettings(discovery=discovery))
        with (
            run_envoy(settings, tmp_path) as gateway,
            httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as http,
        ):
            with good as other:
                _serving(directory, clock, *(url.removeprefix("http://") for url in (one, other)))
                _until(lambda: http.get("/v2/health/live", headers=headers).status_code == 200)
                ejected = f"serve_http::{one.removeprefix('http://')}::health_flags::/failed_outlier_check"

                def is_ejected():
                    http.get("/v2/health/live", headers=headers)
                    return ejected in http.get(f"{gateway.admin}/clusters").text

                _until(is_ejected)
            faltering[0] = False
            codes = {http.get("/v2/health/live", headers=headers).status_code for _ in range(30)}
    assert codes == {200}


def _serving(directory, clock, *addresses):
    """Replicas at these addresses, and all had the time to report."""
    for seconds in (59, 2):
        for address in addresses:
            directory.report_replica(ReplicaReport(address, "127.0.0.1:9", address, ReplicaState.SERVING))
        clock[0] += seconds


def _until(holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_too_many_requests_are_told_to_wait(tmp_path, issuer):
    key, web = issuer
    settings = _settings(tmp_path, web, limits=LimitsSettings(requests_per_second=10, burst=1))
    headers = {"authorization": f"Bearer {issue(key, web)}"}
    with run_envoy(settings, tmp_path) as gateway:
        with (
            httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as http,
            ThreadPoolExecutor(20) as pool,
        ):
            answers = list(pool.map(lambda _: http.get("/v1/datasets", headers=headers), range(60)))
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert refused[0].json()["details"][0]["reason"] == "RATE_LIMITED"
        with grpc.insecure_channel(gateway.target) as channel:
            call = channel.unary_unary("/lumbung.catalog.v1.DatasetService/ListDatasets")
            running = [call.future(b"", timeout=30) for _ in range(60)]
            codes = {each.exception().code() for each in running}
        assert grpc.StatusCode.RESOURCE_EXHAUSTED in codes
