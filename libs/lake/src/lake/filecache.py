"""A bounded folder of immutable data files on the local disk.

A data file never changes under its address, so a copy is right for ever. Processes share the folder: a copy comes
into being by a rename, and what has been used a while ago goes when room is needed.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lake.objectstore import ObjectStore

# A file used within this time may be open in a query that is running: it is not removed for another one.
_IN_USE_SECONDS = 900.0
_DOWNLOADS = 4


class FileCache:
    """Copies of data files, at most `limit_bytes` together."""

    def __init__(self, folder: Path, limit_bytes: int, objects: ObjectStore) -> None:
        self._folder, self._limit, self._objects = folder, limit_bytes, objects
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def local(self, files: Sequence[tuple[str, int]]) -> list[Path] | None:
        """Local copies of all these files (address, bytes), fetched where missing; None when they do not fit.

        Raises StoreError when an object cannot be read.
        """
        paths = [self._path(address) for address, _ in files]
        missing: list[tuple[str, int, Path]] = []
        for (address, size), path in zip(files, paths, strict=True):
            try:
                os.utime(path)
            except FileNotFoundError:
                missing.append((address, size, path))
        if missing:
            if not self._make_room(sum(size for _, size, _ in missing)):
                return None
            with ThreadPoolExecutor(_DOWNLOADS) as pool:
                list(pool.map(self._fetch, missing))
        return paths

    def _path(self, address: str) -> Path:
        return self._folder / f"{hashlib.sha256(address.encode()).hexdigest()[:40]}.parquet"

    def _fetch(self, wanted: tuple[str, int, Path]) -> None:
        address, size, path = wanted
        part = self._folder / f"{path.name}.{secrets.token_hex(4)}.part"
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                for chunk in self._objects.stream(self._objects.key_of(address), chunk_bytes=4 * 2**20):
                    stream.write(chunk)
            if part.stat().st_size != size:
                raise ValueError(f"{address} has {part.stat().st_size} bytes, the table says {size}")
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)

    def _make_room(self, wanted: int) -> bool:
        if wanted > self._limit:
            return False
        held: list[tuple[float, int, Path]] = []
        for path in self._folder.iterdir():
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            held.append((found.st_mtime, found.st_size, path))
        total = sum(size for _, size, _ in held)
        oldest_in_use = time.time() - _IN_USE_SECONDS
        for used, size, path in sorted(held):
            if total + wanted <= self._limit:
                break
            if used > oldest_in_use:
                return False
            path.unlink(missing_ok=True)
            total -= size
        return total + wanted <= self._limit
