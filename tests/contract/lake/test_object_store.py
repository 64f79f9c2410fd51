"""One suite over every object store."""

import io
import itertools
import re
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lake import MemoryObjectStore, ObjectStore, S3ObjectStore, S3Settings
from lake.errors import ObjectExistsError, ObjectNotFoundError, ObjectTooLargeError, StoreNotConditionalError

from support.servers import S3Server

_numbers = itertools.count()


@pytest.fixture(scope="module", params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    if request.param == "memory":
        yield MemoryObjectStore()
        return
    server: S3Server = request.getfixturevalue("s3_server")
    settings = S3Settings.model_validate(
        {
            "endpoint": server.endpoint,
            "access_key": server.access_key,
            "secret_key": server.secret_key,
            "bucket": "contract-objects",
        }
    )
    opened = S3ObjectStore(settings)
    opened.ensure_bucket()
    opened.ensure_bucket()
    yield opened


@pytest.fixture
def key() -> str:
    return f"t{next(_numbers)}/object"


def test_put_then_get_and_stat(store: ObjectStore, key: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    info = store.put(key, b"abc")
    assert (info.key, info.size) == (key, 3)
    assert store.get(key) == b"abc"
    found = store.stat(key)
    assert (found.size, found.etag) == (3, info.etag)
    assert before < found.modified < datetime.now(UTC) + timedelta(seconds=2)


def test_empty_object(store: ObjectStore, key: str) -> None:
    store.put(key, b"")
    assert store.get(key) == b""
    assert store.stat(key).size == 0


def test_put_replaces(store: ObjectStore, key: str) -> None:
    store.put(key, b"first")
    store.put(key, b"2")
    assert store.get(key) == b"2"


def test_put_if_absent_loses_against_what_is_there(store: ObjectStore, key: str) -> None:
    store.put(key, b"first", if_absent=True)
    with pytest.raises(ObjectExistsError, match=key):
        store.put(key, b"second", if_absent=True)
    assert store.get(key) == b"first"


def test_missing_object(store: ObjectStore, key: str) -> None:
    with pytest.raises(ObjectNotFoundError, match=key) as caught:
        store.stat(key)
    assert "Tidak ada objek" in caught.value.sentence("id")
    with pytest.raises(ObjectNotFoundError):
        store.get(key)
    store.delete(key)


def test_get_over_the_limit(store: ObjectStore, key: str) -> None:
    store.put(key, b"x" * 1000)
    assert len(store.get(key, limit=1000)) == 1000
    with pytest.raises(ObjectTooLargeError, match="999"):
        store.get(key, limit=999)


def test_stream_in_chunks_from_an_offset(store: ObjectStore, key: str) -> None:
    content = bytes(range(256)) * 40
    store.put(key, content)
    chunks = list(store.stream(key, chunk_bytes=1000, offset=240))
    assert b"".join(chunks) == content[240:]
    assert max(len(chunk) for chunk in chunks) <= 1000


def test_put_file(store: ObjectStore, key: str, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"0123456789abcdef" * (2**20 + 1))
    assert store.put_file(key, path).size == path.stat().st_size
    assert store.get(key) == path.read_bytes()


def test_put_stream_of_unknown_length(store: ObjectStore, key: str) -> None:
    info = store.put_stream(key, io.BytesIO(b"y" * 5000), limit=5000)
    assert info.size == 5000
    assert store.get(key) == b"y" * 5000


def test_put_stream_over_the_limit_leaves_nothing(store: ObjectStore, key: str) -> None:
    with pytest.raises(ObjectTooLargeError, match="5000"):
        store.put_stream(key, io.BytesIO(b"y" * 5001), limit=5000)
    with pytest.raises(ObjectNotFoundError):
        store.stat(key)


def test_delete(store: ObjectStore, key: str) -> None:
    store.put(key, b"x")
    store.delete(key)
    with pytest.raises(ObjectNotFoundError):
        store.get(key)


def test_list_prefix_in_order_and_bounded(store: ObjectStore, key: str) -> None:
    for name in ("b", "a/2", "a/1"):
        store.put(f"{key}/{name}", name.encode())
    assert [item.key for item in store.list_prefix(f"{key}/")] == [f"{key}/a/1", f"{key}/a/2", f"{key}/b"]
    assert [item.size for item in store.list_prefix(f"{key}/a/")] == [3, 3]
    assert store.list_prefix(f"{key}/none/") == []
    with pytest.raises(ObjectTooLargeError, match="2"):
        store.list_prefix(f"{key}/", limit=2)


def test_address_and_key(store: ObjectStore) -> None:
    assert store.key_of(store.address("a/b")) == "a/b"
    with pytest.raises(ValueError, match="does not lie under"):
        store.key_of("s3://elsewhere/a")


def test_presigned_url_names_one_object_and_ends(store: ObjectStore, key: str) -> None:
    store.put(key, b"public for a while")
    url = store.presign_get(key, expires=timedelta(seconds=30))
    assert key in url
    assert re.search("expires=30", url, re.IGNORECASE)
    if url.startswith("http"):
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
            assert answer.read() == b"public for a while"


def test_self_test_passes(store: ObjectStore) -> None:
    store.self_test()
    assert store.list_prefix(".self-test/") == []


def test_concurrent_puts_of_different_keys(store: ObjectStore, key: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: store.put(f"{key}/{n:03}", str(n).encode()), range(64)))
    assert len(store.list_prefix(f"{key}/")) == 64


class _ForgetfulStore(MemoryObjectStore):
    """Ignores the condition, as some S3 services do."""

    def put(self, key: str, content: bytes, *, if_absent: bool = False) -> "object":  # type: ignore[override]
        return super().put(key, content)


def test_self_test_refuses_a_store_without_conditions() -> None:
    store = _ForgetfulStore()
    with pytest.raises(StoreNotConditionalError, match="32 of 32"):
        store.self_test()
    assert store.list_prefix("") == []
