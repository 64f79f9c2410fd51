"""Each check of `lumbung doctor` against the failure that it is for."""

import base64
import datetime as dt
import json
import socket
import ssl
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lumbung.config import Endpoints
from lumbung.doctor.checks import clock, disk
from lumbung.doctor.checks.certificates import check_gateway_certificate, check_kept_certificates
from lumbung.doctor.checks.ports import check_ports
from lumbung.doctor.checks.sign_in import check_sign_in
from lumbung.doctor.cluster import Cluster
from lumbung.doctor.examine import examine
from lumbung.doctor.site import Site

from support.jsonserver import Answer, serve_json
from support.ports import free_port

NOW = dt.datetime.now(dt.UTC)
SERVERS = ("gateway", "keycloak", "postgres", "s3", "ingest", "catalog", "compute", "inference", "portal")
# kubectl, as far as it is asked: a file per kind, and the log of a pod.
KUBECTL = """
import pathlib, sys
folder = pathlib.Path(__file__).parent
kind = sys.argv[2]
path = folder / (f"{kind}.json" if sys.argv[1] == "get" else f"{kind}.log")
if not path.exists():
    sys.exit("no such thing")
print(path.read_text())
"""


def site(gateway="127.0.0.1:1", issuer="http://127.0.0.1:1", **more):
    return Site(Endpoints(gateway, issuer, tls=more.pop("tls", False)), **more)


def checks(found):
    return [finding.check for finding in found]


@pytest.fixture
def stack(tmp_path):
    """A stack's description of itself; nothing runs."""
    (tmp_path / "run").mkdir()
    return {"data_dir": str(tmp_path), "ports": {name: free_port() for name in SERVERS}}


@pytest.fixture
def cluster(tmp_path):
    """`cluster(pods=[...])`: a release with these objects."""
    program = tmp_path / "kubectl.py"
    program.write_text(KUBECTL)

    def made(logs=None, **objects):
        kinds = ("pods", "jobs", "events", "persistentvolumeclaims", "secrets")
        for kind in kinds:
            (tmp_path / f"{kind}.json").write_text(json.dumps({"items": objects.get(kind, [])}))
        for name, text in (logs or {}).items():
            (tmp_path / f"{name}.log").write_text(text)
        return site(cluster=Cluster("lumbung", program=(sys.executable, str(program))))

    return made


def certificate(days):
    """A certificate and key that end in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lumbung")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - dt.timedelta(days=900))
        .not_valid_after(NOW + dt.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return built.public_bytes(Encoding.PEM), pem


def test_a_port_of_a_stopped_stack_that_somebody_else_has(stack):
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", stack["ports"]["postgres"]))
        squatter.listen()
        (finding,) = check_ports(site(stack=stack))
    assert finding.check == "port_taken"
    assert finding.place == f"127.0.0.1:{stack['ports']['postgres']}"
    assert "LUMBUNG_BASE_PORT" in finding.remedy[0]
    assert list(check_ports(site(stack=stack))) == []


def test_parts_of_a_running_stack_that_do_not_listen(stack, tmp_path):
    (tmp_path / "run" / "wanted.json").touch()
    (finding,) = check_ports(site(stack=stack))
    assert finding.check == "part_silent"
    assert "catalog" in finding.place


def test_a_full_disk(stack, monkeypatch):
    assert list(disk.check_disk(site(stack=stack))) == []
    monkeypatch.setattr(disk, "_LEAST", 2**70)
    (finding,) = disk.check_disk(site(stack=stack))
    assert (finding.check, finding.place) == ("disk_full", stack["data_dir"])


def test_a_sign_in_service_that_is_late_or_somebody_else():
    (finding,) = check_sign_in(site(issuer=f"http://127.0.0.1:{free_port()}/realms/lumbung"))
    assert finding.check == "sign_in_silent"
    with serve_json(lambda _: Answer({"error": "starting"}, 503)) as address:
        (finding,) = check_sign_in(site(issuer=f"{address}/realms/lumbung"))
        assert finding.check == "sign_in_silent"
        assert "503" in finding.what[0]
    with serve_json(lambda _: Answer({"issuer": "http://elsewhere"})) as address:
        (finding,) = check_sign_in(site(issuer=f"{address}/realms/lumbung"))
    assert finding.check == "issuer_wrong"
    assert "http://elsewhere" in finding.what[1]


def test_a_clock_that_is_wrong(monkeypatch):
    with serve_json(lambda _: Answer({})) as address:
        place = site(gateway=address.removeprefix("http://"))
        assert list(clock.check_clock(place)) == []
        monkeypatch.setattr(clock, "time", SimpleNamespace(time=lambda: time.time() + 61))
        (finding,) = clock.check_clock(place)
    assert finding.check == "clock_skew"
    assert "behind" in finding.what[0]
    assert "lambat" in finding.what[1]
    assert checks(clock.check_clock(site(gateway=f"127.0.0.1:{free_port()}"))) == ["gateway_silent"]


@pytest.mark.parametrize(
    ("days", "wanted"), [(-1, "certificate_expired"), (5, "certificate_ends_soon"), (60, None)]
)
def test_the_gateways_certificate(days, wanted, tmp_path):
    paths = [tmp_path / "tls.crt", tmp_path / "tls.key"]
    for path, content in zip(paths, certificate(days), strict=True):
        path.write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def serve():
            connection, _ = listening.accept()
            context.wrap_socket(connection, server_side=True).close()

        server = threading.Thread(target=serve)
        server.start()
        port = listening.getsockname()[1]
        found = checks(check_gateway_certificate(site(gateway=f"127.0.0.1:{port}", tls=True)))
        server.join()
    assert found == ([wanted] if wanted else [])


def test_certificates_in_secrets_and_on_the_laptop(cluster, tmp_path):
    def secret(name, content):
        return {"metadata": {"name": name}, "data": {"tls.crt": base64.b64encode(content).decode()}}

    old, fresh = certificate(-1)[0], certificate(90)[0]
    placed = cluster(secrets=[secret("dask-tls", old), secret("ours", fresh), secret("bad", b"x")])
    assert [(finding.check, finding.place) for finding in check_kept_certificates(placed)] == [
        ("certificate_expired", "secret/dask-tls"),
        ("certificate_unreadable", "secret/bad"),
    ]
    path = tmp_path / "dask-cert.pem"
    path.write_bytes(old)
    assert checks(check_kept_certificates(site(stack={"dask": {"cert_file": str(path)}}))) == [
        "certificate_expired"
    ]


def pod(name, *, waiting=None, message="", last=None, labels=None, **status):
    container = {"name": "main", "image": "lumbung/portal:x", "ready": False, "restartCount": 1}
    container["state"] = {"waiting": {"reason": waiting, "message": message}} if waiting else {"running": {}}
    container["lastState"] = {"terminated": last} if last else {}
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "status": {"containerStatuses": [container], **status},
    }


def test_what_a_cluster_tells(cluster):
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "Insufficient memory"}
    placed = cluster(
        pods=[
            pod("a", waiting="ErrImageNeverPull", message="is not present"),
            pod("b", waiting="CreateContainerConfigError", message='secret "ours" not found'),
            pod("c", waiting="CrashLoopBackOff", last={"reason": "Error", "exitCode": 2}),
            pod("d", waiting="CrashLoopBackOff", last={"reason": "OOMKilled", "exitCode": 137}),
            {"metadata": {"name": "e"}, "status": {"conditions": [unscheduled]}},
            pod("f", labels={"job-name": "setup-bucket"}),
        ],
        jobs=[
            {"metadata": {"name": "setup-bucket"}, "status": {}},
            {"metadata": {"name": "setup-realm"}, "status": {"succeeded": 1}},
        ],
        events=[
            {
                "reason": "FailedCreate",
                "message": "exceeded quota: small",
                "involvedObject": {"kind": "ReplicaSet", "name": "x"},
            }
        ],
        persistentvolumeclaims=[
            {"metadata": {"name": "data"}, "spec": {}, "status": {"phase": "Pending"}},
            {"metadata": {"name": "fine"}, "spec": {}, "status": {"phase": "Bound"}},
        ],
        logs={"c": "settings are wrong: listen.port", "f": "2 of 32 racing conditional puts won"},
    )
    found = {(finding.check, finding.place): finding for finding in examine(placed)}
    assert set(found) >= {
        ("image_missing", "pod/a (main)"),
        ("secret_missing", "pod/b (main)"),
        ("container_fails", "pod/c (main)"),
        ("out_of_memory", "pod/d (main)"),
        ("pod_unschedulable", "pod/e"),
        ("job_failed", "job/setup-bucket"),
        ("quota_exceeded", "replicaset/x"),
        ("claim_not_bound", "persistentvolumeclaim/data"),
    }
    assert "lumbung/portal:x" in found["image_missing", "pod/a (main)"].what[0]
    assert "listen.port" in found["container_fails", "pod/c (main)"].what[1]
    assert "racing conditional puts" in found["job_failed", "job/setup-bucket"].what[0]
    assert not any("setup-realm" in place for _, place in found)
    for finding in found.values():
        assert all(finding.what)
        assert all(finding.remedy)
        assert finding.told("id")["what"] == finding.what[1]


def test_a_cluster_that_cannot_be_read_is_one_finding():
    placed = site(cluster=Cluster("lumbung", program=("kubectl-that-is-not-there",)))
    assert checks(examine(placed)).count("kubectl") == 1
