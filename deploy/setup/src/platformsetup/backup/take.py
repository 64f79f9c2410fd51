"""Makes a backup while the platform runs.

The databases are fixed first, those of the services before the lake's, and the objects are copied after that:
whatever a service's database names is in the lake's, and whatever that names is in the bucket, since objects of the
lake never change. A commit of the lake that its service does not know of yet is harmless: the run is repeated under
its own id, and the lake knows that it has been written.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lake import ObjectStore, S3ObjectStore, S3Settings
from platformsetup.backup.completeness import check_tables, table_locations
from platformsetup.backup.dumps import Pinned, Server, dump, pinned
from platformsetup.backup.folder import INDEX, BackupFolder, complete_backups
from platformsetup.backup.locks import take_lock
from platformsetup.backup.manifest import (
    FORMAT,
    FileEntry,
    Manifest,
    ObjectsEntry,
    index_entry,
    platform_version,
)
from platformsetup.backup.objects import copy_out, index_line
from servicekit.errors import Text

__all__ = ["LAKE_DATABASE", "BackupPlan", "take_backup"]

LAKE_DATABASE = "lumbung_lake"
# Key of the advisory lock that a backup holds in the lake's database.
_LOCK = 0x6C756D62
_TAKEN = Text(
    en="Another backup of this installation is being made. Wait for its end.",
    id="Cadangan lain dari instalasi ini sedang dibuat. Tunggu sampai selesai.",
)
_NAME = re.compile(r"\d{8}T\d{6}Z")
_DEAD_AFTER_SECONDS = 86400.0


@dataclass(frozen=True)
class BackupPlan:
    """What to back up, and where to; `files` is a folder whose files are taken along, `keep` how many backups stay."""

    server: Server
    s3: S3Settings
    target: Path
    keep: int = 0
    files: Path | None = None


def take_backup(plan: BackupPlan) -> Manifest:
    """Writes one more backup into the target and deletes the oldest ones over `keep` (0: none).

    Raises:
        BackupError: another backup runs, a program or the disk refuses, or a table's object is missing.
        SetupError, NotReadyError: the database refuses, or does not answer.
        StoreError: the object store does not answer.
    """
    begin = datetime.now(UTC)
    folder = BackupFolder(plan.target / begin.strftime("%Y%m%dT%H%M%SZ"))
    with plan.server.connect(LAKE_DATABASE) as connection:
        take_lock(connection, _LOCK, _TAKEN)
        _sweep(plan.target)
        folder.create()
        try:
            manifest = _fill(plan, folder, begin)
        except BaseException:
            folder.remove()
            raise
        if plan.keep:
            for name in complete_backups(plan.target)[: -plan.keep]:
                BackupFolder(plan.target / name).remove()
    return manifest


def _fill(plan: BackupPlan, folder: BackupFolder, begin: datetime) -> Manifest:
    names = sorted(plan.server.passwords, key=lambda name: (name == LAKE_DATABASE, name))
    with pinned(plan.server, names) as databases:
        entries = tuple(_dump(plan.server, folder, name, entry) for name, entry in databases.items())
        locations = table_locations(databases[LAKE_DATABASE].connection)
        postgres = str(databases[LAKE_DATABASE].connection.info.parameter_status("server_version"))
    store = S3ObjectStore(plan.s3)
    objects = _copy(store, folder, plan.s3.bucket)
    check_tables(plan.s3, store, folder, locations)
    manifest = Manifest(
        format=FORMAT,
        name=folder.path.name,
        begin_time=begin,
        end_time=datetime.now(UTC),
        version=platform_version(),
        postgres=postgres,
        databases=entries,
        objects=objects,
        files=_take_along(folder, plan.files),
    )
    folder.finish(manifest.model_dump_json(indent=1) + "\n")
    return manifest


def _dump(server: Server, folder: BackupFolder, name: str, database: Pinned) -> FileEntry:
    file = f"databases/{name}.dump"
    written = folder.write(file, dump(server, name, database.snapshot))
    return FileEntry(name=name, file=file, size=written.size, sha256=written.sha256)


def _copy(store: ObjectStore, folder: BackupFolder, bucket: str) -> ObjectsEntry:
    count = total = 0

    def lines() -> Iterator[bytes]:
        nonlocal count, total
        for entry in copy_out(store, folder):
            count += 1
            total += entry.written.size
            yield index_line(entry)

    written = folder.write(INDEX, lines())
    return ObjectsEntry(bucket=bucket, count=count, bytes=total, index=index_entry(written))


def _take_along(folder: BackupFolder, files: Path | None) -> tuple[FileEntry, ...]:
    entries = []
    for path in sorted(files.iterdir()) if files else ():
        if path.is_file():
            written = folder.write(f"files/{path.name}", [path.read_bytes()])
            entries.append(
                FileEntry(name=path.name, file=f"files/{path.name}", size=written.size, sha256=written.sha256)
            )
    return tuple(entries)


def _sweep(target: Path) -> None:
    """Removes what killed backups left. Not the young: another installation may be writing one into this folder."""
    complete = set(complete_backups(target))
    for path in target.iterdir() if target.is_dir() else ():
        old = time.time() - path.stat().st_mtime > _DEAD_AFTER_SECONDS
        if old and path.name not in complete and _NAME.fullmatch(path.name):
            BackupFolder(path).remove()
