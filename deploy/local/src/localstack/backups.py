"""`backup` and `restore` of the local stack, by `python -m platformsetup`.

A laptop has nowhere else to keep its secrets, so they are in the backup, and come back with it. What only this stack
can use stays out: its mark in the processes' environment, and the certificates of Dask, which are made anew.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from localstack import commands
from localstack.environment import base_environment
from localstack.errors import StackError
from localstack.layout import Layout, write_private
from localstack.parts.lakesettings import bucket_secrets, s3_settings
from localstack.ports import HOST
from localstack.settings import StackSettings
from localstack.vault import Vault
from platformsetup.backup.errors import BackupError
from platformsetup.backup.folder import MANIFEST, BackupFolder
from platformsetup.backup.manifest import read_manifest
from platformsetup.postgresserver import SUPERUSER

_SECONDS = 6 * 3600.0
_DEADLINE_SECONDS = 60.0
_NOT_KEPT = ("stack-mark", "dask-ca.pem", "dask-cert.pem", "dask-key.pem", "ray-replica.json")


def backup(settings: StackSettings, target: Path) -> int:
    """Add a backup of the running stack to a folder of backups; 1 when it fails."""
    layout = Layout(settings.data_dir)
    if not layout.wanted_file.exists():
        raise StackError("the stack does not run: start it by `make up`")
    kept = layout.tmp / "secrets-to-keep"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(mode=0o700)
    try:
        for path in layout.secrets.iterdir():
            if path.is_file() and path.name not in _NOT_KEPT:
                shutil.copy(path, kept)
        section = {"folder": str(target.resolve()), "files": str(kept)}
        return _run(settings, "backup", {"server": _server(settings), "backup": section})
    finally:
        shutil.rmtree(kept)


def restore(settings: StackSettings, source: Path, *, only: tuple[str, ...], timeout: float) -> int:
    """Make a stack from a backup where there is none yet, and start it (or `only` some parts); 1 when it fails."""
    layout = Layout(settings.data_dir)
    if layout.data.exists() and any(layout.data.iterdir()):
        raise StackError(
            f"{settings.data_dir} holds the data of a stack; delete it by `make reset`, or set LUMBUNG_DATA_DIR to another folder"
        )
    source = source.resolve()
    try:
        folder = BackupFolder(source)
        manifest = read_manifest(folder)
        secrets = {entry.name: b"".join(folder.read(entry.file, entry.written)) for entry in manifest.files}
    except BackupError as error:
        raise StackError(str(error)) from error
    if not secrets:
        raise StackError(
            f"{source / MANIFEST}: no secrets of a local stack are in this backup; it is of a cluster"
        )
    layout.create()
    for name, content in secrets.items():
        write_private(layout.secrets / Path(name).name, content.decode())
    code = commands.up(settings, only=("postgres", "s3"), timeout=timeout)
    if code == 0:
        administrator = {**_server(settings), "database": "postgres", "user": SUPERUSER}
        section = {"folder": str(source.parent), "name": source.name}
        code = _run(settings, "restore", {"postgres": administrator, "restore": section})
    return code or commands.up(settings, only=only, timeout=timeout)


def _server(settings: StackSettings) -> dict[str, Any]:
    return {"host": HOST, "port": settings.ports["postgres"]}


def _run(settings: StackSettings, command: str, sections: dict[str, Any]) -> int:
    """Run one command of the set-up with this stack's addresses and secrets; its words go to the user."""
    layout = Layout(settings.data_dir)
    vault = Vault(layout.secrets)
    document = {"deadline_seconds": _DEADLINE_SECONDS, "lake": {"s3": s3_settings(settings)}, **sections}
    path = layout.config / f"{command}.yaml"
    write_private(path, yaml.safe_dump(document, sort_keys=False))
    passwords = {
        f"LUMBUNG_DATABASES__PASSWORDS__{name}": text for name, text in vault.table("databases").items()
    }
    if "postgres" in sections:
        passwords["LUMBUNG_POSTGRES__PASSWORD"] = vault.read("postgres-superuser")
    done = subprocess.run(
        [sys.executable, "-m", "platformsetup", command],
        env=base_environment(layout) | bucket_secrets(settings) | passwords | {"LUMBUNG_CONFIG": str(path)},
        cwd=layout.root,
        timeout=_SECONDS,
        check=False,
    )
    return done.returncode
