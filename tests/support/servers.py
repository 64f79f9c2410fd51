"""Throw-away PostgreSQL and S3 for tests, on free loopback ports, with data in a temporary folder.

Fixtures: `postgres_server` (a `PostgresServer`) and `s3_server` (an `S3Server`), both one per test session.
PostgreSQL refuses to run as root, so it runs as an unprivileged user through `setpriv` where the tests are root.
"""

import contextlib
import io
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import urllib3
from minio import Minio
from psycopg import sql

from platformsetup.postgresserver import installation

from support.s3programs import PORTS, chosen_program

_NOBODY = 65534
_START_SECONDS = 60.0


@dataclass(frozen=True)
class Database:
    """One database with its owner role; `dsn` is a libpq URL."""

    host: str
    port: int
    database: str
    user: str
    password: str

    @property
    def dsn(self) -> str:
        """URL for psycopg, with the password in it."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL with scram; `superuser_dsn` may do everything."""

    host: str
    port: int
    superuser_password: str

    @property
    def superuser_dsn(self) -> str:
        """URL of the superuser's own database."""
        return f"postgresql://postgres:{self.superuser_password}@{self.host}:{self.port}/postgres"

    def create_database(self, prefix: str = "test") -> Database:
        """Create a fresh database, owned by a fresh role of the same name with its own password."""
        name = f"{prefix}_{secrets.token_hex(6)}"
        password = secrets.token_hex(16)
        with psycopg.connect(self.superuser_dsn, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(name), sql.Literal(password)
                )
            )
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*[sql.Identifier(name)] * 2))
        return Database(self.host, self.port, name, name, password)

    def drop_database(self, database: Database) -> None:
        """Drop a database made by `create_database`, even if somebody is still connected."""
        with psycopg.connect(self.superuser_dsn, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.database))
            )
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(database.user)))


@dataclass(frozen=True)
class S3Server:
    """A running S3 service; `endpoint` is `host:port`, plain HTTP, path-style addresses."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def client(self, http_client: urllib3.PoolManager | None = None) -> Minio:
        """A client with the account that may do everything."""
        return Minio(
            self.endpoint,
            access_key=self.access_key,
            secret_key=self.secret_key,
            region=self.region,
            secure=False,
            http_client=http_client,
        )

    def create_bucket(self, prefix: str = "test") -> str:
        """Create a fresh, empty bucket and return its name."""
        name = f"{prefix}-{secrets.token_hex(6)}"
        self.client().make_bucket(name)
        return name


def free_ports(count: int) -> list[int]:
    """Ask the kernel for `count` different free TCP ports below the range of outgoing connections."""
    taken: list[int] = []
    while len(taken) < count:
        # Not port 0: an outgoing connection of another test could take an ephemeral port before the server does.
        port = 12000 + secrets.randbelow(9000)
        if port in taken:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        taken.append(port)
    return taken


def _unprivileged() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def _start(command: Sequence[str], log: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=log.parent)


def _check_alive(process: subprocess.Popen[bytes], log: Path, deadline: float) -> None:
    if process.poll() is not None or time.monotonic() > deadline:
        _stop(process)
        raise RuntimeError(f"server did not start:\n{log.read_text(errors='replace')[-4000:]}")


@contextlib.contextmanager
def run_postgres(parent: Path | None = None) -> Iterator[PostgresServer]:
    """Start PostgreSQL in a fresh folder (in `parent`); stop it and remove the folder at the end."""
    programs, env = installation()
    folder = Path(tempfile.mkdtemp(prefix="lumbung-pg-", dir=parent))
    server = PostgresServer("127.0.0.1", free_ports(1)[0], secrets.token_hex(16))
    try:
        password_file = folder / "password"
        password_file.write_text(server.superuser_password)
        if os.geteuid() == 0:
            for path in (folder, password_file):
                os.chown(path, _NOBODY, _NOBODY)
        data = folder / "data"
        initdb = [
            str(programs / "initdb"),
            "-D",
            str(data),
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        initdb += ["-A", "scram-sha-256", f"--pwfile={password_file}", "--no-sync"]
        subprocess.run([*_unprivileged(), *initdb], check=True, capture_output=True, env=env, cwd=folder)
        command = [*_unprivileged(), str(programs / "postgres"), "-D", str(data), "-p", str(server.port)]
        for setting in (
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "max_connections=200",
        ):
            command += ["-c", setting]
        log = folder / "server.log"
        process = _start(command, log, env)
        try:
            deadline = time.monotonic() + _START_SECONDS
            while True:
                try:
                    psycopg.connect(server.superuser_dsn, connect_timeout=2).close()
                    break
                except psycopg.OperationalError:
                    _check_alive(process, log, deadline)
                    time.sleep(0.1)
            yield server
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def run_s3(parent: Path | None = None) -> Iterator[S3Server]:
    """Start S3 in a fresh folder (in `parent`); stop it and remove the folder at the end."""
    folder = Path(tempfile.mkdtemp(prefix="lumbung-s3-", dir=parent))
    ports = free_ports(PORTS)
    server = S3Server(f"127.0.0.1:{ports[0]}", secrets.token_hex(10), secrets.token_hex(20))
    try:
        program = chosen_program(folder, server.access_key, server.secret_key, ports)
        log = folder / "server.log"
        process = _start(program.command, log, program.environment)
        try:
            _wait_for_s3(server, process, log)
            yield server
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_s3(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    pool = urllib3.PoolManager(retries=False, timeout=5)
    client = server.client(pool)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            # The S3 port opens before a volume can take data: only a written object shows that it is ready.
            if not client.bucket_exists("ready"):
                client.make_bucket("ready")
            client.put_object("ready", "probe", data=io.BytesIO(b"x" * 5000), length=5000)
            break
        except Exception:  # noqa: BLE001 - whatever a server that is still starting answers
            _check_alive(process, log, deadline)
            time.sleep(0.2)
    pool.clear()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """PostgreSQL for the whole test session."""
    with run_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """S3 for the whole test session."""
    with run_s3() as server:
        yield server
