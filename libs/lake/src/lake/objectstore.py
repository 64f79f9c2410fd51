"""Objects in one bucket: a small port, S3 behind it, and a store in memory for unit tests.

Blocking; asynchronous callers use `asyncio.to_thread`. Keys are relative to the bucket, without a leading slash.
"""

import io
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from lake.errors import (
    ObjectExistsError,
    ObjectNotFoundError,
    ObjectTooLargeError,
    StoreError,
    StoreNotConditionalError,
)

DEFAULT_LIMIT = 64 * 2**20
_RACERS = 32


@dataclass(frozen=True)
class ObjectInfo:
    """One object: `size` in bytes, `modified` in UTC."""

    key: str
    size: int
    etag: str
    modified: datetime


class ObjectStore(ABC):
    """Objects by key. All methods raise StoreError when the store fails."""

    @abstractmethod
    def ensure_bucket(self) -> None:
        """Create the bucket unless it is there."""

    @abstractmethod
    def address(self, key: str) -> str:
        """Full address of a key, such as `s3://bucket/key`."""

    @abstractmethod
    def put(self, key: str, content: bytes, *, if_absent: bool = False) -> ObjectInfo:
        """Write an object whole; with `if_absent` only where no object is (else ObjectExistsError)."""

    @abstractmethod
    def put_file(self, key: str, path: Path) -> ObjectInfo:
        """Write an object from a local file, in parts when it is large."""

    @abstractmethod
    def put_stream(self, key: str, stream: BinaryIO, *, limit: int) -> ObjectInfo:
        """Write an object from a stream of unknown length, at most `limit` bytes (else ObjectTooLargeError)."""

    @abstractmethod
    def stream(self, key: str, *, chunk_bytes: int = 2**20, offset: int = 0) -> Iterator[bytes]:
        """Read an object in chunks from `offset`; ObjectNotFoundError at the first chunk."""

    @abstractmethod
    def stat(self, key: str) -> ObjectInfo:
        """Size and time of an object; ObjectNotFoundError when there is none."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; nothing happens when there is none."""

    @abstractmethod
    def list_prefix(self, prefix: str, *, limit: int = 10_000) -> list[ObjectInfo]:
        """Objects under a prefix in key order; StoreError when there are more than `limit`."""

    @abstractmethod
    def presign_get(self, key: str, *, expires: timedelta = timedelta(minutes=15)) -> str:
        """URL that reads this one object without credentials until it expires."""

    def get(self, key: str, *, limit: int = DEFAULT_LIMIT) -> bytes:
        """Read an object of at most `limit` bytes whole (else ObjectTooLargeError)."""
        raise NotImplementedError

    def self_test(self) -> None:
        """Race 32 conditional puts on one key; StoreNotConditionalError unless exactly one wins."""
        raise NotImplementedError
