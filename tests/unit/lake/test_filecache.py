import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lake import MemoryObjectStore
from lake.errors import ObjectNotFoundError
from lake.filecache import FileCache


class _CountingStore(MemoryObjectStore):
    reads = 0

    def stream(self, key: str, *, chunk_bytes: int = 2**20, offset: int = 0) -> Iterator[bytes]:
        self.reads += 1
        return super().stream(key, chunk_bytes=chunk_bytes, offset=offset)


@pytest.fixture
def store() -> _CountingStore:
    store = _CountingStore()
    for name in "abcd":
        store.put(name, name.encode() * 100)
    return store


def named(store: MemoryObjectStore, *names: str) -> list[tuple[str, int]]:
    return [(store.address(name), 100) for name in names]


def age(folder: Path, seconds: float) -> None:
    for path in folder.iterdir():
        os.utime(path, (time.time() - seconds,) * 2)


def test_fetches_once(store: _CountingStore, tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache", 1000, store)
    first = cache.local(named(store, "a", "b"))
    assert first is not None
    assert [path.read_bytes() for path in first] == [b"a" * 100, b"b" * 100]
    assert FileCache(tmp_path / "cache", 1000, store).local(named(store, "b", "a")) == first[::-1]
    assert store.reads == 2


def test_copies_are_for_this_user_only(store: _CountingStore, tmp_path: Path) -> None:
    copies = FileCache(tmp_path / "cache", 1000, store).local(named(store, "a"))
    assert copies is not None
    assert copies[0].stat().st_mode & 0o077 == 0
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


def test_the_oldest_go_when_room_is_needed(store: _CountingStore, tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 250, store)
    cache.local(named(store, "a"))
    age(tmp_path, 4000)
    cache.local(named(store, "b"))
    age(tmp_path, 2000)
    cache.local(named(store, "a"))
    age_of_b = 3000
    for path in tmp_path.iterdir():
        if path.read_bytes() == b"b" * 100:
            os.utime(path, (time.time() - age_of_b,) * 2)
    assert cache.local(named(store, "c")) is not None
    assert sorted(path.read_bytes()[:1] for path in tmp_path.iterdir()) == [b"a", b"c"]


def test_what_is_in_use_stays(store: _CountingStore, tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 250, store)
    cache.local(named(store, "a", "b"))
    assert cache.local(named(store, "c")) is None
    assert len(list(tmp_path.iterdir())) == 2


def test_more_than_the_limit_is_not_cached(store: _CountingStore, tmp_path: Path) -> None:
    assert FileCache(tmp_path, 250, store).local(named(store, "a", "b", "c")) is None
    assert store.reads == 0


def test_what_a_killed_process_left_goes_too(store: _CountingStore, tmp_path: Path) -> None:
    (tmp_path / "x.parquet.1234.part").write_bytes(b"x" * 200)
    age(tmp_path, 4000)
    assert FileCache(tmp_path, 250, store).local(named(store, "a")) is not None
    assert len(list(tmp_path.iterdir())) == 1


def test_a_wrong_size_or_no_object_leaves_nothing(store: _CountingStore, tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 1000, store)
    with pytest.raises(ValueError, match="has 100 bytes, the table says 99"):
        cache.local([(store.address("a"), 99)])
    with pytest.raises(ObjectNotFoundError):
        cache.local([(store.address("none"), 100)])
    assert list(tmp_path.iterdir()) == []


def test_many_at_once(store: _CountingStore, tmp_path: Path) -> None:
    caches = [FileCache(tmp_path, 1000, store) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda cache: cache.local(named(store, "a", "b", "c", "d")), caches))
    assert all(result == results[0] for result in results)
    assert sorted(path.read_bytes()[:1] for path in tmp_path.iterdir()) == [b"a", b"b", b"c", b"d"]
