"""What integration tests of the inference service run against: a sign-in service, a recording catalog, a Ray head, the service.

PostgreSQL and S3 come from `support.servers`. All processes listen on loopback and end with the fixture.
"""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import yaml

from lumbung.catalog.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    dataset_service_pb2,
    dataset_service_pb2_grpc,
    lineage_service_pb2,
    lineage_service_pb2_grpc,
)

from support.servers import PostgresServer, S3Server
from support.signin import SignIn, run_signin

_START_SECONDS = 90.0
# Loopback that Ray does not take for "this machine" and replace by its outside address.
NODE = "127.0.0.2"


@dataclass
class RecordingCatalog:
    """Stands where the catalog stands: knows every dataset but `missing`, and remembers what it was told."""

    edges: list[tuple[str, str]] = field(default_factory=list)
    audit: list[Any] = field(default_factory=list)

    def serve(self) -> tuple[grpc.Server, int]:
        catalog = self

        class Datasets(dataset_service_pb2_grpc.DatasetServiceServicer):
            def GetDataset(self, request: Any, context: Any) -> Any:
                if request.name == "datasets/missing":
                    context.abort(grpc.StatusCode.NOT_FOUND, f"There is no {request.name}.")
                return dataset_service_pb2.Dataset(name=request.name)

        class Lineage(lineage_service_pb2_grpc.LineageServiceServicer):
            def RecordLineage(self, request: Any, context: Any) -> Any:
                del context
                catalog.edges.extend((edge.source, edge.target) for edge in request.edges)
                return lineage_service_pb2.RecordLineageResponse()

        class Audit(audit_service_pb2_grpc.AuditServiceServicer):
            def RecordAuditEntries(self, request: Any, context: Any) -> Any:
                del context
                catalog.audit.extend(request.entries)
                return audit_service_pb2.RecordAuditEntriesResponse()

        server = grpc.server(ThreadPoolExecutor(4))
        dataset_service_pb2_grpc.add_DatasetServiceServicer_to_server(Datasets(), server)
        lineage_service_pb2_grpc.add_LineageServiceServicer_to_server(Lineage(), server)
        audit_service_pb2_grpc.add_AuditServiceServicer_to_server(Audit(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return server, port


@dataclass
class InferenceStack:
    """A running stack; `base` is its first port."""

    base: int
    folder: Path
    signin: SignIn
    catalog: RecordingCatalog
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    worker_base: int = 0

    @property
    def api(self) -> str:
        return f"127.0.0.1:{self.base + 73}"

    @property
    def ingress(self) -> str:
        return f"127.0.0.1:{self.base + 50}"

    @property
    def rest(self) -> str:
        return f"http://127.0.0.1:{self.base + 52}"

    def start(self, name: str) -> None:
        commands = {
            "ray": [
                "inference_service.ray_head",
                f"--base-port={self.base}",
                f"--folder={self.folder / 'ray'}",
                f"--token-path={self.folder / 'token'}",
            ],
            "head": self._node("head", self.base, f"--state={self.folder / 'state'}"),
            "worker": self._node("worker", self.worker_base, f"--head={NODE}:{self.base + 30}"),
            "service": ["inference_service"],
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *commands[name]], env=self.environment, stdout=log, stderr=log
            )

    def _node(self, role: str, base: int, *more: str) -> list[str]:
        return [
            "inference_service.ray_node",
            role,
            f"--host={NODE}",
            f"--base-port={base}",
            f"--folder={self.folder / role}",
            f"--token-path={self.folder / 'token'}",
            f"--leaving-path={self.folder / role}.leaving",
            "--leave-seconds=4",
            *more,
        ]

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]

    def replicas(self) -> list[int]:
        """Process ids of this stack's replicas, found by the port they listen on."""
        return _listeners(self.base + 50)

    def change_settings(self, section: str, **changes: Any) -> None:
        """Starts the service anew with other settings in a section."""
        path = Path(self.environment["LUMBUNG_CONFIG"])
        config = yaml.safe_load(path.read_text())
        config[section] |= changes
        self.stop("service")
        path.write_text(yaml.safe_dump(config))
        self.start("service")
        self.wait_for_service()

    def wait_for_service(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.base + 73), 1):
                return
            if time.monotonic() > deadline or self.processes["service"].poll() is not None:
                raise RuntimeError(f"the service did not start:\n{self.log('service')}")
            time.sleep(0.1)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait(10)

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _listeners(port: int) -> list[int]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(entry.readlink()) in inodes for entry in (process / "fd").iterdir()):
                found.append(int(process.name))
    return found


def _free_base() -> int:
    """A first port with all of the stack's ports free behind it."""
    offsets = [*range(30, 39), 40, *range(50, 70), 73, 83, *range(100, 200)]
    while True:
        base = 22000 + 250 * secrets.randbelow(38)
        with contextlib.ExitStack() as held:
            try:
                for offset in offsets:
                    probe = held.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", base + offset))
            except OSError:
                continue
        return base


def _config(base: int, folder: Path, signin: SignIn, catalog_port: int) -> dict[str, Any]:
    return {
        "listen": {"port": base + 73, "metrics_port": base + 83, "stop_grace_seconds": 1},
        "auth": {"issuer": signin.issuer, "jwks_url": signin.jwks_url},
        "identity": {"token_url": signin.token_url, "client_id": "svc-inference"},
        "catalog": {"target": f"127.0.0.1:{catalog_port}"},
        "ray": {
            "address": f"127.0.0.1:{base + 30}",
            "token_path": str(folder / "token"),
            "replica_settings_path": str(folder / "replica.json"),
            "ingress": {"target": f"127.0.0.1:{base + 50}"},
            "listen": {"grpc_port": base + 50, "http_port": base + 52},
            "order_seconds": 150,
        },
        # A machine that runs other tests beside these may need minutes for what takes seconds.
        "limits": {"deploy_seconds": 240},
    }


@contextlib.contextmanager
def run_inference_stack(postgres: PostgresServer, s3: S3Server) -> Iterator[InferenceStack]:
    """Starts everything; the service is up, the Ray head is on its way."""
    with run_signin("svc-inference") as signin:
        yield from _run_stack(postgres, s3, signin)


@contextlib.contextmanager
def run_inference_cluster(postgres: PostgresServer, s3: S3Server) -> Iterator[InferenceStack]:
    """The same with a head and a worker of Ray, and replicas that report where they are."""
    with run_signin("svc-inference") as signin:
        yield from _run_stack(postgres, s3, signin, nodes=("head", "worker"))


def _several_nodes(base: int) -> dict[str, Any]:
    return {
        "address": f"{NODE}:{base + 30}",
        "loopback": False,
        # One address: one worker.
        "workers": NODE,
        "listen": {"host": NODE, "grpc_port": base + 50, "http_port": base + 60, "ports": 10},
        "report": {"service": {"target": f"127.0.0.1:{base + 73}"}},
        "discovery": {"port": base + 40},
    }


def _run_stack(
    postgres: PostgresServer, s3: S3Server, signin: SignIn, nodes: tuple[str, ...] = ("ray",)
) -> Iterator[InferenceStack]:
    folder = Path(tempfile.mkdtemp(prefix="inf-", dir="/tmp"))
    catalog = RecordingCatalog()
    catalog_server, catalog_port = catalog.serve()
    database = postgres.create_database("inference")
    base = _free_base()
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    config = _config(base, folder, signin, catalog_port)
    config["postgres"] = {
        "host": database.host,
        "port": database.port,
        "database": database.database,
        "user": database.user,
    }
    config["lake"] = {
        "s3": {"endpoint": s3.endpoint, "access_key": s3.access_key, "bucket": s3.create_bucket("models")}
    }
    if len(nodes) > 1:
        config["ray"] |= _several_nodes(base)
    (folder / "inference.yaml").write_text(yaml.safe_dump(config))
    environment = os.environ | {
        "LUMBUNG_CONFIG": str(folder / "inference.yaml"),
        "LUMBUNG_POSTGRES__PASSWORD": database.password,
        "LUMBUNG_IDENTITY__CLIENT_SECRET": "secret",
        "LUMBUNG_LAKE__S3__SECRET_KEY": s3.secret_key,
    }
    stack = InferenceStack(base, folder, signin, catalog, environment)
    while len(nodes) > 1 and stack.worker_base in (0, base):
        stack.worker_base = _free_base()
    try:
        for node in nodes:
            stack.start(node)
        stack.start("service")
        stack.wait_for_service()
        yield stack
    finally:
        for name in ("service", *reversed(nodes)):
            if name in stack.processes:
                stack.stop(name)
        catalog_server.stop(1).wait()
        postgres.drop_database(database)
        shutil.rmtree(folder, ignore_errors=True)
