"""A compute service as a process, with Dask (TLS), PostgreSQL, S3, a small catalog and a sign-in service around it."""

import contextlib
import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import polars as pl
import pyarrow as pa
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lake import Lake, LakeSettings
from lumbung.compute.v1 import (
    pipeline_service_pb2,
    pipeline_service_pb2_grpc,
    query_service_pb2,
    query_service_pb2_grpc,
)

from support.servers import Database, PostgresServer, S3Server, free_ports
from support.signin import SignIn
from support.smallcatalog import SmallCatalog

__all__ = ["Answer", "ComputeWorld", "compute_world", "lake_words"]

Final = pipeline_service_pb2.Run


@dataclass
class Answer:
    """A whole answer of RunQuery."""

    table: pa.Table
    summary: query_service_pb2.QuerySummary
    chunks: list[int]


def lake_words(database: Database, s3: S3Server, bucket: str) -> dict[str, Any]:
    """Settings of a lake, with secrets."""
    return {
        "postgres": {
            "host": database.host, "port": database.port, "database": database.database, "user": database.user,
            "password": database.password, "pool_max": 4,
        },
        "s3": {
            "endpoint": s3.endpoint, "access_key": s3.access_key, "secret_key": s3.secret_key, "bucket": bucket,
        },
    }  # fmt: skip


@dataclass
class ComputeWorld:
    """Everything that runs, and how to speak to it."""

    folder: Path
    lake: Lake
    lake_settings: dict[str, Any]
    catalog: SmallCatalog
    signin: SignIn
    database: Database
    ports: dict[str, int]
    changes: dict[str, Any] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where the service listens."""
        return f"127.0.0.1:{self.ports['service']}"

    def token(self, account: str) -> str:
        """Tokens of the accounts that tests use."""
        roles = {
            "analis-kanwil-32": ("viewer",),
            "steward-pusat": ("steward", "viewer"),
            "perekayasa-pusat": ("engineer", "viewer"),
            "perekayasa-filtered-32": ("engineer", "viewer"),
            "pengunggah": ("contributor",),
        }[account]
        return self.signin.token(account, *roles, office="32" if account.endswith("32") else "pusat")

    def metadata(self, account: str, language: str = "en") -> list[tuple[str, str]]:
        """Call metadata of an account."""
        return [("authorization", f"Bearer {self.token(account)}"), ("accept-language", language)]

    def query(
        self, sql: str, account: str = "steward-pusat", *, language: str = "en", **fields: Any
    ) -> Answer:
        """Runs a query to its end."""
        with grpc.insecure_channel(self.address) as channel:
            stub = query_service_pb2_grpc.QueryServiceStub(channel)
            request = query_service_pb2.RunQueryRequest(sql=sql, **fields)
            content, chunks, summary = bytearray(), [], None
            for part in stub.RunQuery(request, metadata=self.metadata(account, language), timeout=120):
                if part.WhichOneof("part") == "arrow_ipc":
                    content += part.arrow_ipc
                    chunks.append(len(part.arrow_ipc))
                else:
                    summary = part.summary
        assert summary is not None
        return Answer(pa.ipc.open_stream(bytes(content)).read_all(), summary, chunks)

    def pipelines(
        self, method: str, request: Any, account: str = "perekayasa-pusat", language: str = "en"
    ) -> Any:
        """Calls a method of the pipeline service."""
        with grpc.insecure_channel(self.address) as channel:
            stub = pipeline_service_pb2_grpc.PipelineServiceStub(channel)
            return getattr(stub, method)(request, metadata=self.metadata(account, language), timeout=120)

    def apply(self, declaration: str) -> pipeline_service_pb2.Pipeline:
        """Applies a pipeline."""
        pipeline = pipeline_service_pb2.Pipeline(declaration=declaration)
        return self.pipelines("ApplyPipeline", pipeline_service_pb2.ApplyPipelineRequest(pipeline=pipeline))

    def start_run(
        self, name: str, request_id: str = "", account: str = "perekayasa-pusat"
    ) -> pipeline_service_pb2.Run:
        """Asks for a run."""
        request = pipeline_service_pb2.RunPipelineRequest(name=f"pipelines/{name}", request_id=request_id)
        return self.pipelines("RunPipeline", request, account)

    def run(self, name: str) -> pipeline_service_pb2.Run:
        """A run now."""
        return self.pipelines("GetRun", pipeline_service_pb2.GetRunRequest(name=name))

    def wait_run(self, name: str, seconds: float = 200) -> pipeline_service_pb2.Run:
        """A run when it has ended."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(grpc.RpcError):
                run = self.run(name)
                if run.state in (Final.STATE_SUCCEEDED, Final.STATE_FAILED, Final.STATE_CANCELLED):
                    return run
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} has not ended:\n{self.log('service')[-4000:]}")
            time.sleep(0.1)

    def run_log(self, name: str, *, follow: bool = False) -> list[tuple[str, str]]:
        """Level and text of a run's log."""
        with grpc.insecure_channel(self.address) as channel:
            stub = pipeline_service_pb2_grpc.PipelineServiceStub(channel)
            request = pipeline_service_pb2.ReadRunLogRequest(name=name, follow=follow)
            answer = stub.ReadRunLog(request, metadata=self.metadata("perekayasa-pusat"), timeout=200)
            return [(line.level, line.text) for line in answer]

    def log(self, name: str) -> str:
        """What a process wrote."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def start(self, *names: str) -> None:
        """Starts processes: scheduler, worker-1, worker-2, service."""
        for name in names:
            argv, env = self._command(name)
            with (self.folder / f"{name}.log").open("ab") as output:
                self.processes[name] = subprocess.Popen(argv, env=env, stdout=output, stderr=output)
        if "service" in names:
            self._wait_for_service()

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """Ends everything that was started, the service first."""
        for name in sorted(self.processes, key=["service", "worker-1", "worker-2", "scheduler"].index):
            process = self.processes.pop(name)
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait_for_service(self) -> None:
        deadline = time.monotonic() + 200
        with grpc.insecure_channel(self.address) as channel:
            while True:
                try:
                    grpc.channel_ready_future(channel).result(timeout=1)
                except grpc.FutureTimeoutError:
                    if self.processes["service"].poll() is not None or time.monotonic() > deadline:
                        raise AssertionError(self.log("service")[-4000:]) from None
                else:
                    return

    def _command(self, name: str) -> tuple[list[str], dict[str, str]]:
        env = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        scheduler = f"tls://127.0.0.1:{self.ports['scheduler']}"
        tls = ["--tls-ca-file", str(self.folder / "ca.pem"), "--tls-cert", str(self.folder / "cert.pem")]
        tls += ["--tls-key", str(self.folder / "key.pem")]
        if name == "scheduler":
            argv = ["-m", "distributed.cli.dask_scheduler", "--host", "tls://127.0.0.1"]
            argv += [
                "--port",
                str(self.ports["scheduler"]),
                "--no-dashboard",
                "--dashboard-address",
                "127.0.0.1:0",
                "--preload",
                "compute_service.executor.dask_settings",
            ]
            return [sys.executable, *argv, *tls], env
        if name.startswith("worker"):
            argv = [
                "-m",
                "distributed.cli.dask_worker",
                scheduler,
                "--no-nanny",
                "--nthreads",
                "1",
                "--name",
                name,
            ]
            argv += ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
            argv += ["--local-directory", str(self.folder / name)]
            argv += ["--preload", "compute_service.executor.worker_preload"]
            config = self._write("worker", {"lake": self.lake_settings})
            return [sys.executable, *argv, *tls], {**env, "LUMBUNG_CONFIG": config, "POLARS_MAX_THREADS": "1"}
        config = self._write("service", self._service_words())
        return [sys.executable, "-m", "compute_service"], {**env, "LUMBUNG_CONFIG": config}

    def _write(self, name: str, words: dict[str, Any]) -> str:
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(words))
        return str(path)

    def _service_words(self) -> dict[str, Any]:
        words: dict[str, Any] = {
            "listen": {
                "port": self.ports["service"], "metrics_port": self.ports["metrics"], "stop_grace_seconds": 1,
            },
            "auth": {"issuer": self.signin.issuer, "jwks_url": self.signin.jwks_url},
            "identity": {"token_url": self.signin.token_url, "client_id": "svc-compute", "client_secret": "x"},
            "postgres": {
                "host": self.database.host, "port": self.database.port, "database": self.database.database,
                "user": self.database.user, "password": self.database.password,
            },
            "lake": self.lake_settings,
            "catalog": {"target": self.catalog.address},
            "dask": {
                "scheduler": f"tls://127.0.0.1:{self.ports['scheduler']}",
                "ca": str(self.folder / "ca.pem"), "cert": str(self.folder / "cert.pem"),
                "key": str(self.folder / "key.pem"), "connect_seconds": 5,
            },
            "query": {"temp_dir": str(self.folder), "wall_seconds": 8, "cpu_seconds": 12, "memory_bytes": 768 * 2**20},
            "pipelines": {
                "rows_per_partition": 1000, "streamed_rows_per_partition": 1000, "retry_seconds": 0.5,
                "heartbeat_seconds": 1, "stalled_seconds": 4,
            },
        }  # fmt: skip
        for section, changes in self.changes.items():
            words[section] = {**words.get(section, {}), **changes}
        return words


def write_certificates(folder: Path) -> None:
    """A certificate authority and one certificate for everybody on 127.0.0.1."""
    now = dt.datetime.now(dt.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test ca")])

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    ca = builder(ca_name, ca_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    leaf = builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dask")]), key.public_key())
    for name, content in (
        ("ca.pem", ca.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)),
        ("cert.pem", leaf.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)),
        (
            "key.pem",
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        ),
    ):
        (folder / name).write_bytes(content)


@contextlib.contextmanager
def compute_world(
    folder: Path,
    postgres: PostgresServer,
    s3: S3Server,
    catalog: SmallCatalog,
    signin: SignIn,
    *,
    parts: Sequence[str] = ("scheduler", "worker-1", "worker-2", "service"),
    **changes: Any,
) -> Iterator[ComputeWorld]:
    """Starts `parts`; `changes` are sections of the service's settings."""
    write_certificates(folder)
    lake_database, database = postgres.create_database("lake"), postgres.create_database("compute")
    words = lake_words(lake_database, s3, s3.create_bucket("lake"))
    names = ("scheduler", "service", "metrics")
    with Lake.open(LakeSettings.model_validate(words)) as lake:
        world = ComputeWorld(
            folder,
            lake,
            words,
            catalog,
            signin,
            database,
            dict(zip(names, free_ports(3), strict=True)),
            changes,
        )
        try:
            world.start(*parts)
            yield world
        finally:
            world.stop()


def frame(lake: Lake, dataset: str) -> pl.DataFrame:
    """All rows of a table as they stand now."""
    from lake import allow_all

    return lake.reader.scan(dataset, allow_all(dataset, "test")).lazyframe.collect()
