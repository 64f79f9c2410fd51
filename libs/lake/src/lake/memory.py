"""An object store in memory, for unit tests of whoever uses the port."""

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from typing_extensions import override

from lake.objectstore import ObjectInfo, ObjectStore, exists, missing, too_large


class MemoryObjectStore(ObjectStore):
    """Objects in a dictionary; passes the same contract tests as S3."""

    def __init__(self, bucket: str = "memory") -> None:
        self._root = f"memory://{bucket}/"
        self._objects: dict[str, tuple[bytes, datetime]] = {}
        self._lock = threading.Lock()

    @override
    def ensure_bucket(self) -> None:
        """Always there."""

    @override
    def address(self, key: str) -> str:
        return self._root + key

    @override
    def put(self, key: str, content: bytes, *, if_absent: bool = False) -> ObjectInfo:
        with self._lock:
            if if_absent and key in self._objects:
                raise exists(self.address(key))
            self._objects[key] = (content, datetime.now(UTC))
        return self.stat(key)

    @override
    def put_file(self, key: str, path: Path) -> ObjectInfo:
        return self.put(key, path.read_bytes())

    @override
    def put_stream(self, key: str, stream: BinaryIO, *, limit: int) -> ObjectInfo:
        content = stream.read(limit + 1)
        if len(content) > limit:
            raise too_large(self.address(key), limit)
        return self.put(key, content)

    @override
    def stream(self, key: str, *, chunk_bytes: int = 2**20, offset: int = 0) -> Iterator[bytes]:
        content = self._find(key)[0]
        for start in range(offset, len(content), chunk_bytes):
            yield content[start : start + chunk_bytes]

    @override
    def stat(self, key: str) -> ObjectInfo:
        content, modified = self._find(key)
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return ObjectInfo(key, len(content), etag, modified)

    @override
    def delete(self, key: str) -> None:
        with self._lock:
            self._objects.pop(key, None)

    @override
    def walk(self, prefix: str = "") -> Iterator[ObjectInfo]:
        for key in sorted(key for key in self._objects if key.startswith(prefix)):
            yield self.stat(key)

    @override
    def presign_get(self, key: str, *, expires: timedelta = timedelta(minutes=15)) -> str:
        return f"{self.address(key)}?expires={int(expires.total_seconds())}"

    def _find(self, key: str) -> tuple[bytes, datetime]:
        with self._lock:
            if key not in self._objects:
                raise missing(self.address(key))
            return self._objects[key]
