"""Throw-away MariaDB for tests: the programs of Debian's `mariadb-server`, on a free loopback port.

The fixture `mariadb_server` is one per test session; where the programs are not installed its tests are skipped, and say so.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql
import pytest

from support.servers import Database, free_ports

_USER = "nobody"
_START_SECONDS = 60.0
MISSING = "MariaDB is NOT TESTED: there is no mariadbd; install it with `apt-get install mariadb-server`"


@dataclass(frozen=True)
class MariadbServer:
    """A running MariaDB; `root_password` may do everything."""

    host: str
    port: int
    root_password: str

    def connect(self, database: str | None = None) -> pymysql.Connection:
        """A connection that may do everything."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user="root",
            password=self.root_password,
            database=database,
            autocommit=True,
        )

    def create_database(self) -> Database:
        """A fresh database with a user who may only read it."""
        name, password = f"test_{secrets.token_hex(6)}", secrets.token_hex(16)
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            cursor.execute(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{password}'")
            cursor.execute(f"GRANT SELECT ON {name}.* TO {name}@'127.0.0.1'")
        return Database(self.host, self.port, name, name, password)


def mariadb_program() -> str | None:
    """The server's program, where it is installed."""
    return shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def run_mariadb(*options: str) -> Iterator[MariadbServer]:
    """Start MariaDB in a fresh folder, with more options of the server's; stop it and remove the folder at the end."""
    program = mariadb_program()
    if program is None:
        pytest.skip(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="lumbung-mariadb-"))
    server = MariadbServer("127.0.0.1", free_ports(1)[0], secrets.token_hex(16))
    user = ["--user=nobody"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, _USER)
    data = folder / "data"
    try:
        install = [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
        ]
        subprocess.run([*install, *user], check=True, capture_output=True, cwd=folder)
        start = folder / "start.sql"
        start.write_text(
            f"ALTER USER root@localhost IDENTIFIED BY '{server.root_password}';\n"
            f"CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '{server.root_password}';\n"
            "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"
        )
        start.chmod(0o644)
        command = [
            program,
            "--no-defaults",
            f"--datadir={data}",
            f"--port={server.port}",
            "--bind-address=127.0.0.1",
            f"--socket={folder}/socket",
            f"--init-file={start}",
            "--innodb-flush-log-at-trx-commit=0",
            "--skip-name-resolve",
            *options,
        ]
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen([*command, *user], stdout=output, stderr=output, cwd=folder)
        try:
            deadline = time.monotonic() + _START_SECONDS
            while True:
                try:
                    server.connect().close()
                    break
                except pymysql.Error:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError(f"MariaDB did not start:\n{log.read_text()[-4000:]}") from None
                    time.sleep(0.1)
            yield server
        finally:
            process.terminate()
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariadbServer]:
    """MariaDB for the whole test session."""
    with run_mariadb() as server:
        yield server
