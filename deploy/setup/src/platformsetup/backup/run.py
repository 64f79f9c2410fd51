"""The commands `backup` and `restore`: settings in, a sentence out."""

import time

from lake.errors import StoreError
from platformsetup.backup.dumps import Server
from platformsetup.backup.errors import BackupError
from platformsetup.backup.folder import BackupFolder, complete_backups
from platformsetup.backup.restore import RestorePlan, restore_backup
from platformsetup.backup.take import BackupPlan, take_backup
from platformsetup.databases import connect_to
from platformsetup.errors import NotReadyError
from platformsetup.settings import BackupSettings, RestoreSettings
from platformsetup.waiting import wait_until
from servicekit.errors import Text

__all__ = ["run_backup", "run_restore"]

_MIB = 2**20
_LATEST = "latest"


def run_backup(settings: BackupSettings) -> str:
    """Makes one backup; says what is in it and how long it took."""
    begin = time.monotonic()
    where = settings.server
    server = Server(where.host, where.port, settings.databases.by_name())
    chosen = settings.backup
    plan = BackupPlan(server, settings.lake.s3, chosen.folder, keep=chosen.keep, files=chosen.files)
    try:
        manifest = take_backup(plan)
    except StoreError as error:
        raise NotReadyError(error.sentence("en")) from error
    databases = sum(entry.size for entry in manifest.databases)
    return (
        f"backup {chosen.folder / manifest.name}: {len(manifest.databases)} databases ({databases / _MIB:.1f} MiB), "
        f"{manifest.objects.count} objects ({manifest.objects.bytes / _MIB:.1f} MiB), {time.monotonic() - begin:.1f} s"
    )


def run_restore(settings: RestoreSettings) -> str:
    """Restores one backup, waiting for the servers; says what came back and how long it took."""
    begin = time.monotonic()
    chosen, admin = settings.restore, settings.postgres
    folder = BackupFolder(chosen.folder / _name(settings))
    server = Server(admin.host, admin.port, settings.databases.by_name())
    said: list[str] = []

    def attempt() -> None:
        with connect_to(admin) as administrator:
            try:
                manifest, fresh = restore_backup(
                    RestorePlan(folder, administrator, server, settings.lake.s3, once=chosen.name == _LATEST)
                )
            except StoreError as error:
                raise NotReadyError(error.sentence("en")) from error
        said.append(
            f"restored {folder.path} of {manifest.begin_time:%Y-%m-%d %H:%M} UTC: {len(manifest.databases)} databases, {manifest.objects.count} objects "
            f"({manifest.objects.bytes / _MIB:.1f} MiB), {time.monotonic() - begin:.1f} s"
            if fresh
            else "this installation has been restored before; nothing to do"
        )

    wait_until(f"PostgreSQL at {admin.host}:{admin.port} and S3", attempt, seconds=settings.deadline_seconds)
    return said[0]


def _name(settings: RestoreSettings) -> str:
    chosen = settings.restore
    if chosen.name != _LATEST:
        return chosen.name
    names = complete_backups(chosen.folder)
    if not names:
        raise BackupError(
            Text(
                en=f"There is no complete backup in {chosen.folder}. Name another folder.",
                id=f"Tidak ada cadangan lengkap di {chosen.folder}. Sebut folder lain.",
            )
        )
    return names[-1]
