"""One backup in a folder: files that are whole or not there, of mode 0600, each with its SHA-256.

NAME/databases/lumbung_lake.dump   pg_dump's custom format
NAME/objects/3f/3f9a…              one file per object, named by the SHA-256 of its key
NAME/objects.jsonl                 key, size and SHA-256 of each object
NAME/manifest.json                 what the backup holds; without it there is no backup
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformsetup.backup.errors import BackupError
from servicekit.errors import Text

__all__ = ["INDEX", "MANIFEST", "BackupFolder", "Written", "complete_backups", "object_path"]

MANIFEST = "manifest.json"
INDEX = "objects.jsonl"
_FOLDERS = ("databases", "objects", "files")
_CHUNK = 2**20


@dataclass(frozen=True)
class Written:
    """A file of a backup: `size` in bytes, and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


def object_path(key: str) -> str:
    """Place of an object in a backup. No key can lead out of the folder, be too long, or be another's parent."""
    name = hashlib.sha256(key.encode()).hexdigest()
    return f"objects/{name[:2]}/{name}"


def complete_backups(target: Path) -> list[str]:
    """Names of the complete backups of a folder of backups, oldest first."""
    if not target.is_dir():
        return []
    return sorted(path.name for path in target.iterdir() if (path / MANIFEST).is_file())


class BackupFolder:
    """The folder of one backup."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Makes the folder for its owner alone; BackupError when there is one of this name, or none can be made."""
        with _disk(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for path in (self.path, *(self.path / name for name in _FOLDERS)):
                path.mkdir(mode=0o700)

    def write(self, name: str, chunks: Iterable[bytes]) -> Written:
        """Writes one file in a single step, and returns its size and hash; BackupError when the disk refuses."""
        path = self.path / name
        digest, size = hashlib.sha256(), 0
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with _disk(path):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            unfinished.touch(mode=0o600, exist_ok=False)
        try:
            with unfinished.open("wb") as stream:
                for chunk in chunks:
                    with _disk(path):
                        stream.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                with _disk(path):
                    stream.flush()
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        return Written(size, digest.hexdigest())

    def finish(self, manifest: str) -> None:
        """Brings everything to the disk and then writes the manifest: from now on this is a backup."""
        os.sync()
        self.write(MANIFEST, [manifest.encode()])
        os.sync()

    def read(self, name: str, expected: Written) -> Iterator[bytes]:
        """A file in chunks; BackupError after the last one unless it is what was written."""
        digest, size = hashlib.sha256(), 0
        for chunk in self._chunks(name):
            digest.update(chunk)
            size += len(chunk)
            yield chunk
        if Written(size, digest.hexdigest()) != expected:
            path = self.path / name
            raise BackupError(
                Text(
                    en=f"The backup is damaged: {path} has {size} bytes and SHA-256 {digest.hexdigest()}, "
                    f"{expected.size} and {expected.sha256} were written. Take another backup.",
                    id=f"Cadangan rusak: {path} berisi {size} bita dengan SHA-256 {digest.hexdigest()}, "
                    f"yang ditulis {expected.size} dan {expected.sha256}. Pakai cadangan lain.",
                )
            )

    def check(self, name: str, expected: Written) -> None:
        """Reads a whole file; BackupError unless it is what was written."""
        for _ in self.read(name, expected):
            pass

    def text(self, name: str) -> str:
        """A small file whole; BackupError when it is not there."""
        return b"".join(self._chunks(name)).decode()

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.path / name).is_file()

    def remove(self) -> None:
        """Deletes the backup, its manifest first: what is left of it then is none."""
        (self.path / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def _chunks(self, name: str) -> Iterator[bytes]:
        path = self.path / name
        try:
            with path.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
        except OSError as error:
            raise BackupError(
                Text(
                    en=f"The backup cannot be read at {path}: {error.strerror}. Check the folder, or take another backup.",
                    id=f"Cadangan tidak dapat dibaca di {path}: {error.strerror}. Periksa foldernya, atau pakai cadangan lain.",
                )
            ) from error


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(
            Text(
                en=f"The backup cannot be written at {path}: {error.strerror}. "
                "Give a folder with enough room that this account may write.",
                id=f"Cadangan tidak dapat ditulis di {path}: {error.strerror}. "
                "Berikan folder dengan ruang cukup yang boleh ditulis akun ini.",
            )
        ) from error
