"""Objects in one bucket, as a port that S3 and a store in memory implement.

Blocking; asynchronous callers use `asyncio.to_thread`. Keys are relative to the bucket, without a leading slash.
"""

import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from lake.errors import ObjectExistsError, ObjectNotFoundError, ObjectTooLargeError, StoreNotConditionalError
from servicekit.errors import Text

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
    def walk(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object under a prefix in key order, as the store lists them: however many there are."""

    @abstractmethod
    def presign_get(self, key: str, *, expires: timedelta = timedelta(minutes=15)) -> str:
        """URL that reads this one object without credentials until it expires."""

    def list_prefix(self, prefix: str, *, limit: int = 10_000) -> list[ObjectInfo]:
        """Objects under a prefix in key order; ObjectTooLargeError when there are more than `limit`."""
        found = list(islice(self.walk(prefix), limit + 1))
        if len(found) > limit:
            raise too_many(self.address(prefix), limit)
        return found

    def key_of(self, address: str) -> str:
        """Key of a full address; ValueError when it lies outside this bucket."""
        root = self.address("")
        if not address.startswith(root):
            raise ValueError(f"{address!r} does not lie under {root!r}")
        return address.removeprefix(root)

    def get(self, key: str, *, limit: int = DEFAULT_LIMIT) -> bytes:
        """Read an object of at most `limit` bytes whole (else ObjectTooLargeError)."""
        content = bytearray()
        for chunk in self.stream(key):
            content += chunk
            if len(content) > limit:
                raise too_large(self.address(key), limit)
        return bytes(content)

    def self_test(self) -> None:
        """Race 32 conditional puts on one key; StoreNotConditionalError unless exactly one wins."""
        key = f".self-test/{secrets.token_hex(8)}"
        gate = threading.Barrier(_RACERS)

        def race(number: int) -> bool:
            gate.wait(30)
            try:
                self.put(key, str(number).encode(), if_absent=True)
            except ObjectExistsError:
                return False
            return True

        try:
            with ThreadPoolExecutor(_RACERS) as pool:
                wins = sum(pool.map(race, range(_RACERS)))
        finally:
            self.delete(key)
        if wins != 1:
            place = self.address("")
            raise StoreNotConditionalError(
                Text(
                    id=f"Penyimpanan objek {place}: {wins} dari {_RACERS} penulisan bersyarat serentak berhasil, seharusnya 1.",
                    en=f"Object store {place}: {wins} of {_RACERS} racing conditional puts won, 1 should.",
                ),
                Text(
                    id="Pakai layanan S3 yang mendukung If-None-Match.",
                    en="Use an S3 service that honours If-None-Match.",
                ),
            )


def too_large(place: str, limit: int) -> ObjectTooLargeError:
    """The error for content over a limit of bytes."""
    return ObjectTooLargeError(
        Text(
            id=f"Objek {place} lebih besar dari batas {limit} bita.",
            en=f"Object {place} is larger than the limit of {limit} bytes.",
        ),
        Text(id="Pecah menjadi objek yang lebih kecil.", en="Split it into smaller objects."),
    )


def too_many(place: str, limit: int) -> ObjectTooLargeError:
    """The error for more objects than a listing may return."""
    return ObjectTooLargeError(
        Text(
            id=f"Lebih dari {limit} objek di bawah {place}.", en=f"More than {limit} objects under {place}."
        ),
        Text(id="Persempit awalan.", en="Narrow the prefix."),
    )


def missing(place: str) -> ObjectNotFoundError:
    """The error for an object that is not there."""
    return ObjectNotFoundError(
        Text(id=f"Tidak ada objek {place}.", en=f"There is no object {place}."),
        Text(id="Periksa namanya, atau unggah lagi.", en="Check its name, or upload it again."),
    )


def exists(place: str) -> ObjectExistsError:
    """The error for a conditional put that came second."""
    return ObjectExistsError(
        Text(id=f"Objek {place} sudah ada.", en=f"Object {place} exists already."),
        Text(id="Pakai nama lain.", en="Use another name."),
    )
