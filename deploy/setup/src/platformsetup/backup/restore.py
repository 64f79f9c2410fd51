"""Brings a backup back into an installation that holds nothing yet.

The databases are filled under other names and renamed at the very end: a service sees the whole of its database or
none, and a restore that was interrupted is simply run again. In the bucket a marker object says until then that what
is there comes from this restore.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto

import psycopg
from psycopg import sql

from lake import ObjectStore, S3ObjectStore, S3Settings
from platformsetup.backup.dumps import Server, fill
from platformsetup.backup.errors import BackupError
from platformsetup.backup.folder import BackupFolder
from platformsetup.backup.locks import take_lock
from platformsetup.backup.manifest import FileEntry, Manifest, read_manifest
from platformsetup.backup.objects import copy_in, read_index
from platformsetup.databases import create_database, database_names, ensure_databases, ensure_roles
from servicekit.errors import Text

__all__ = ["RestorePlan", "restore_backup"]

_MARKER = ".restore"
_LOCK = 0x6C756D63
_TAKEN = Text(
    en="Another restore of this installation is running. Wait for its end.",
    id="Pemulihan lain dari instalasi ini sedang berjalan. Tunggu sampai selesai.",
)
_RESTORED = "restored from the backup "
_TABLES = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
"""
_COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"

_Connection = psycopg.Connection[tuple[object, ...]]


class _State(Enum):
    EMPTY = auto()
    DONE = auto()


@dataclass(frozen=True)
class RestorePlan:
    """Which backup, and where to. `administrator` makes databases and roles; the server's passwords are the new ones.

    With `once`, an installation that any backup was restored into is left as it is.
    """

    folder: BackupFolder
    administrator: _Connection
    server: Server
    s3: S3Settings
    once: bool = False


def restore_backup(plan: RestorePlan) -> tuple[Manifest, bool]:
    """Restores a backup; the second is False where that has been done before, and nothing was left to do.

    Raises:
        BackupError: it is no backup or a damaged one, or something is in the databases or in the bucket; nothing that was
            there is touched.
        SetupError, NotReadyError: PostgreSQL refuses, or does not answer.
        StoreError: the object store does not answer.
    """
    manifest = read_manifest(plan.folder)
    _check_names(plan, manifest)
    with _alone(plan.administrator):
        ensure_roles(plan.administrator, plan.server.passwords)
        if plan.once and _restored_before(plan, manifest):
            return manifest, False
        states = {entry.name: _state(plan, manifest, entry.name) for entry in manifest.databases}
        if all(state is _State.DONE for state in states.values()):
            return manifest, False
        for entry in manifest.databases:
            plan.folder.check(entry.file, entry.written)
        if all(state is _State.EMPTY for state in states.values()):
            _restore_objects(plan, manifest)
        left = [entry for entry in manifest.databases if states[entry.name] is _State.EMPTY]
        for entry in left:
            _restore_database(plan, entry)
        for entry in left:
            _put_in_place(plan, manifest, entry.name)
        # A version after that of the backup may have more of them.
        ensure_databases(plan.administrator, plan.server.passwords)
        S3ObjectStore(plan.s3).delete(_MARKER)
    return manifest, True


def _check_names(plan: RestorePlan, manifest: Manifest) -> None:
    here, kept = set(plan.server.passwords), {entry.name for entry in manifest.databases}
    if not kept or not kept <= here:
        raise BackupError(
            Text(
                en=f"The backup holds the databases {_listed(kept)}, this installation has {_listed(here)}. "
                "Set databases.names to those of the backup.",
                id=f"Cadangan berisi basis data {_listed(kept)}, instalasi ini memakai {_listed(here)}. "
                "Samakan databases.names dengan cadangan.",
            )
        )
    if plan.s3.bucket != manifest.objects.bucket:
        raise BackupError(
            Text(
                en=f"The backup is of the bucket {manifest.objects.bucket}, this installation uses {plan.s3.bucket}; "
                "the tables name their files with the bucket. Set the bucket to that name.",
                id=f"Cadangan berasal dari bucket {manifest.objects.bucket}, instalasi ini memakai {plan.s3.bucket}; "
                "tabel menyebut berkasnya beserta bucket. Pakai nama bucket itu.",
            )
        )


@contextmanager
def _alone(administrator: _Connection) -> Iterator[None]:
    take_lock(administrator, _LOCK, _TAKEN)
    try:
        yield
    finally:
        administrator.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _restored_before(plan: RestorePlan, manifest: Manifest) -> bool:
    comments = [plan.administrator.execute(_COMMENT, [entry.name]).fetchone() for entry in manifest.databases]
    return all(row is not None and str(row[0]).startswith(_RESTORED) for row in comments)


def _state(plan: RestorePlan, manifest: Manifest, name: str) -> _State:
    """Whether a database is empty, or was put in place by this very restore; BackupError when it holds anything else."""
    if name not in database_names(plan.administrator):
        return _State.EMPTY
    comment = plan.administrator.execute(_COMMENT, [name]).fetchone()
    if comment is not None and comment[0] == _comment(manifest):
        return _State.DONE
    with plan.server.connect(name) as connection:
        row = connection.execute(_TABLES).fetchone()
    count = row[0] if row else 0
    if count == 0:
        return _State.EMPTY
    raise BackupError(
        Text(
            en=f"The installation is not empty: the database {name} holds {count} tables, views or sequences. "
            "Nothing was changed. Restore into an empty installation.",
            id=f"Instalasi tidak kosong: basis data {name} berisi {count} tabel, view, atau urutan. "
            "Tidak ada yang diubah. Pulihkan ke instalasi kosong.",
        )
    )


def _restore_objects(plan: RestorePlan, manifest: Manifest) -> None:
    store = S3ObjectStore(plan.s3)
    store.ensure_bucket()
    _claim_bucket(store, manifest)
    count = 0
    for _ in copy_in(store, plan.folder, read_index(plan.folder, manifest.objects.index.written)):
        count += 1
    if count != manifest.objects.count:
        raise BackupError(
            Text(
                en=f"The backup is damaged: its index has {count} objects, the manifest {manifest.objects.count}.",
                id=f"Cadangan rusak: indeksnya berisi {count} objek, manifesnya {manifest.objects.count}.",
            )
        )


def _claim_bucket(store: ObjectStore, manifest: Manifest) -> None:
    """Marks an empty bucket as being restored; BackupError when anything else is in it."""
    for info in store.walk():
        if info.key == _MARKER and store.get(_MARKER) == manifest.name.encode():
            return
        if info.key.startswith(".self-test/"):
            continue
        raise BackupError(
            Text(
                en=f"The installation is not empty: {store.address(info.key)} is in the bucket. "
                "Nothing was changed. Restore into an empty bucket.",
                id=f"Instalasi tidak kosong: {store.address(info.key)} ada di bucket. "
                "Tidak ada yang diubah. Pulihkan ke bucket kosong.",
            )
        )
    store.put(_MARKER, manifest.name.encode())


def _restore_database(plan: RestorePlan, entry: FileEntry) -> None:
    name = _unfinished(entry.name)
    plan.administrator.execute(
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    )
    create_database(plan.administrator, name, owner=entry.name)
    fill(plan.server, entry.name, name, plan.folder.read(entry.file, entry.written))


def _put_in_place(plan: RestorePlan, manifest: Manifest, name: str) -> None:
    """Gives a filled database its name; an empty one of that name goes, one that was filled meanwhile stops us."""
    _state(plan, manifest, name)
    final, filled = sql.Identifier(name), sql.Identifier(_unfinished(name))
    execute = plan.administrator.execute
    execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(filled, sql.Literal(_comment(manifest))))
    execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(final))
    execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(filled, final))


def _unfinished(name: str) -> str:
    return f"{name}_restoring"


def _comment(manifest: Manifest) -> str:
    return f"{_RESTORED}{manifest.name}"


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
