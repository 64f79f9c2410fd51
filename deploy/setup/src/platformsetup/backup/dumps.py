"""Databases through pg_dump and pg_restore, as streams.

Each database is read and written by its own role, which owns all that is in it: a backup needs no administrator.
"""

import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import IO

import psycopg

from platformsetup.backup.errors import BackupError
from platformsetup.databases import connect
from platformsetup.postgresserver import installation
from servicekit.errors import Text

__all__ = ["Pinned", "Server", "dump", "fill", "pinned"]

_CHUNK = 2**20
# Roles, their passwords and their rights are made by `databases`, from the Secrets of the installation.
_PLAIN = ("--no-owner", "--no-privileges")


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server and the passwords of its roles; each role has the name of its database."""

    host: str
    port: int
    passwords: Mapping[str, str]

    def connect(self, role: str, database: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
        """Connection of a role to its own database, or to another one."""
        return connect(
            host=self.host,
            port=self.port,
            user=role,
            password=self.passwords[role],
            dbname=database or role,
        )


@dataclass(frozen=True)
class Pinned:
    """A database as it was at one moment: an open transaction, and the snapshot that pg_dump reads."""

    connection: psycopg.Connection[tuple[object, ...]]
    snapshot: str


@contextmanager
def pinned(server: Server, names: Iterable[str]) -> Iterator[dict[str, Pinned]]:
    """Fixes every database within milliseconds, in the order of `names`; what follows may take as long as it wants."""
    with ExitStack() as stack:
        connections = {name: stack.enter_context(server.connect(name)) for name in names}
        for connection in connections.values():
            connection.execute("SET idle_in_transaction_session_timeout = 0")
        found = {}
        for name, connection in connections.items():
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            found[name] = Pinned(connection, str(row[0]) if row else "")
        yield found


def dump(server: Server, name: str, snapshot: str) -> Iterator[bytes]:
    """A database at a snapshot in pg_dump's custom format; BackupError with pg_dump's own words when it fails."""
    command = ("pg_dump", "--format=custom", f"--snapshot={snapshot}", *_PLAIN)
    with _run(command, server, role=name, database=name, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        while chunk := process.stdout.read(_CHUNK):
            yield chunk


def fill(server: Server, role: str, database: str, chunks: Iterable[bytes]) -> None:
    """Restores a dump into an empty database in one transaction; BackupError with pg_restore's words when it fails."""
    command = ("pg_restore", "--exit-on-error", "--single-transaction", *_PLAIN)
    with _run(command, server, role=role, database=database, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None  # noqa: S101 - it was asked for
        try:
            for chunk in chunks:
                process.stdin.write(chunk)
        except BrokenPipeError:
            pass  # it has ended: its exit code and its words say why
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
    with server.connect(role, database) as connection:
        connection.execute("ANALYZE")


@contextmanager
def _run(
    command: tuple[str, ...], server: Server, *, role: str, database: str, stdin: int
) -> Iterator[subprocess.Popen[bytes]]:
    programs, env = installation()
    program, *options = command
    where = [f"--host={server.host}", f"--port={server.port}", f"--username={role}", "--no-password"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [str(programs / program), *options, *where, f"--dbname={database}"],
            env={**env, "PGPASSWORD": server.passwords[role], "PGCONNECT_TIMEOUT": "10"},
            stdin=stdin,
            stdout=subprocess.PIPE if stdin == subprocess.DEVNULL else subprocess.DEVNULL,
            stderr=said,
        )
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            code = process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if code != 0:
            raise _failed(program, database, server, said)


def _failed(program: str, database: str, server: Server, said: IO[bytes]) -> BackupError:
    said.seek(0)
    reason = " ".join(said.read(2000).decode(errors="replace").split())
    where = f"{database}, {server.host}:{server.port}"
    return BackupError(
        Text(en=f"{program} failed ({where}): {reason}", id=f"{program} gagal ({where}): {reason}")
    )
