"""What a backup holds, and whether this version can restore it."""

from datetime import datetime
from importlib.metadata import version
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from platformsetup.backup.errors import BackupError
from platformsetup.backup.folder import INDEX, MANIFEST, BackupFolder, Written
from servicekit.errors import Text

__all__ = [
    "FORMAT",
    "FileEntry",
    "Manifest",
    "ObjectsEntry",
    "index_entry",
    "platform_version",
    "read_manifest",
]

FORMAT: Literal[1] = 1


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class FileEntry(_Entry):
    """One file of the backup; `name` is the database, or the file, that it holds."""

    name: str
    file: str
    size: int
    sha256: str

    @property
    def written(self) -> Written:
        """Size and hash."""
        return Written(self.size, self.sha256)


class ObjectsEntry(_Entry):
    """The objects of the bucket, together: `bytes` is their size, the file is their index."""

    bucket: str
    count: int
    bytes: int
    index: FileEntry


class Manifest(_Entry):
    """A whole backup. Times are UTC; `version` is the platform's, `postgres` the server's."""

    format: int
    name: str
    begin_time: datetime
    end_time: datetime
    version: str
    postgres: str
    databases: tuple[FileEntry, ...]
    objects: ObjectsEntry
    files: tuple[FileEntry, ...] = ()


def platform_version() -> str:
    """Version of the platform that runs here."""
    return version("lumbung-setup")


def read_manifest(folder: BackupFolder) -> Manifest:
    """The manifest of a backup that this version can restore; BackupError when it is none, or a newer one."""
    if not folder.has(MANIFEST):
        raise BackupError(
            Text(
                en=f"There is no complete backup in {folder.path}: it has no {MANIFEST}. Name a folder that has one.",
                id=f"Tidak ada cadangan lengkap di {folder.path}: tidak ada {MANIFEST}. Sebut folder yang memilikinya.",
            )
        )
    try:
        manifest = Manifest.model_validate_json(folder.text(MANIFEST))
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise BackupError(
            Text(
                en=f"The manifest of {folder.path} is damaged ({reason}). Take another backup.",
                id=f"Manifes {folder.path} rusak ({reason}). Pakai cadangan lain.",
            )
        ) from error
    if manifest.format > FORMAT or _parts(manifest.version) > _parts(platform_version()):
        raise BackupError(
            Text(
                en=f"The backup {manifest.name} was made by version {manifest.version} (format {manifest.format}), this is "
                f"{platform_version()} (format {FORMAT}). Restore it with that version or a later one.",
                id=f"Cadangan {manifest.name} dibuat oleh versi {manifest.version} (format {manifest.format}), ini "
                f"{platform_version()} (format {FORMAT}). Pulihkan dengan versi itu atau yang lebih baru.",
            )
        )
    return manifest


def index_entry(written: Written) -> FileEntry:
    """Entry of the objects' index."""
    return FileEntry(name="objects", file=INDEX, size=written.size, sha256=written.sha256)


def _parts(text: str) -> tuple[int, ...]:
    """Numbers of a version; what is behind them (`.dev1`, `rc2`) does not count."""
    numbers = []
    for part in text.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)
