"""Objects of the bucket to a backup and back, some at a time, each as a stream."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from lake import ObjectStore
from lake.errors import ObjectNotFoundError
from platformsetup.backup.folder import INDEX, BackupFolder, Written, object_path

__all__ = ["Copied", "copy_in", "copy_out", "index_line", "read_index"]

_WORKERS = 8
_WINDOW = 64
# The largest object that S3 knows.
_LIMIT = 5 * 2**40
# Left behind by a killed self-test.
_NOT_KEPT = ".self-test/"

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class Copied:
    """One object and what was copied of it."""

    key: str
    written: Written


def copy_out(store: ObjectStore, folder: BackupFolder) -> Iterator[Copied]:
    """Copies every object of the bucket; one that is deleted meanwhile is left out."""

    def copy(key: str) -> Copied | None:
        try:
            return Copied(key, folder.write(object_path(key), store.stream(key)))
        except ObjectNotFoundError:
            return None

    keys = (info.key for info in store.walk() if not info.key.startswith(_NOT_KEPT))
    return (found for found in _each(copy, keys) if found is not None)


def copy_in(store: ObjectStore, folder: BackupFolder, objects: Iterable[Copied]) -> Iterator[Copied]:
    """Puts every object of an index into the bucket; BackupError when one is not what was written."""

    def copy(entry: Copied) -> Copied:
        chunks = folder.read(object_path(entry.key), entry.written)
        store.put_stream(entry.key, _Chunks(chunks), limit=_LIMIT)  # type: ignore[arg-type]
        return entry

    return _each(copy, objects)


def index_line(entry: Copied) -> bytes:
    """One line of the index."""
    line = {"key": entry.key, "size": entry.written.size, "sha256": entry.written.sha256}
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def read_index(folder: BackupFolder, expected: Written) -> Iterator[Copied]:
    """The index, line by line; BackupError at its end unless it is what was written."""
    rest = b""
    for chunk in folder.read(INDEX, expected):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            entry = json.loads(line)
            yield Copied(entry["key"], Written(entry["size"], entry["sha256"]))


def _each(work: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
    """`work` on every item by some threads, in order, with few results waiting."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        window: deque[Future[_Out]] = deque()
        try:
            for item in items:
                window.append(pool.submit(work, item))
                if len(window) >= _WINDOW:
                    yield window.popleft().result()
            while window:
                yield window.popleft().result()
        finally:
            for future in window:
                future.cancel()


class _Chunks:
    """An iterator of chunks as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; nothing at the end."""
        parts, have = [self._rest], len(self._rest)
        while size < 0 or have < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            parts.append(chunk)
            have += len(chunk)
        whole = b"".join(parts)
        end = len(whole) if size < 0 else size
        self._rest = whole[end:]
        return whole[:end]
