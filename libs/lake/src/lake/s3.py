"""The object store on S3."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import certifi
import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from typing_extensions import override

from lake.errors import StoreError
from lake.objectstore import ObjectInfo, ObjectStore, exists, missing, too_large
from lake.settings import S3Settings
from servicekit.errors import Text

_PART_BYTES = 16 * 2**20
_MISSING = frozenset({"NoSuchKey", "NoSuchObject", "NoSuchBucket"})
_EXISTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class S3ObjectStore(ObjectStore):
    """Objects in one bucket of an S3 service; connects at the first call."""

    def __init__(self, settings: S3Settings) -> None:
        self._bucket = settings.bucket
        self._root = f"{settings.root}/"
        # More connections than racers of the self-test, so that they do race. Only reads are
        # repeated by the HTTP layer: after a lost answer a repeated conditional put would call its winner a loser.
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=5, read=60),
            maxsize=40,
            retries=urllib3.Retry(
                connect=2,
                read=2,
                status=2,
                other=0,
                redirect=0,
                backoff_factor=0.2,
                status_forcelist=[500, 502, 503, 504],
                allowed_methods=["GET", "HEAD"],
            ),
            cert_reqs="CERT_REQUIRED",
            ca_certs=certifi.where(),
        )
        self._client = Minio(
            settings.endpoint,
            access_key=settings.access_key,
            secret_key=settings.secret_key.get_secret_value(),
            region=settings.region,
            secure=settings.secure,
            http_client=self._pool,
        )

    @override
    def ensure_bucket(self) -> None:
        with self._errors(""):
            if not self._client.bucket_exists(self._bucket):
                try:
                    self._client.make_bucket(self._bucket)
                except S3Error as error:
                    if error.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                        raise

    @override
    def address(self, key: str) -> str:
        return self._root + key

    @override
    def put(self, key: str, content: bytes, *, if_absent: bool = False) -> ObjectInfo:
        # The client's public method takes no condition; the inner one signs whatever headers it is given.
        headers: dict[str, str | list[str] | tuple[str]] | None = (
            {"If-None-Match": "*"} if if_absent else None
        )
        with self._errors(key):
            result = self._client._put_object(self._bucket, key, content, headers)  # noqa: SLF001
        return ObjectInfo(key, len(content), result.etag or "", datetime.now(UTC))

    @override
    def put_file(self, key: str, path: Path) -> ObjectInfo:
        size = path.stat().st_size
        with self._errors(key), path.open("rb") as stream:
            result = self._client.put_object(
                self._bucket, key, data=stream, length=size, part_size=_PART_BYTES
            )
        return ObjectInfo(key, size, result.etag or "", datetime.now(UTC))

    @override
    def put_stream(self, key: str, stream: BinaryIO, *, limit: int) -> ObjectInfo:
        bounded = _Bounded(stream, limit, self.address(key))
        with self._errors(key):
            result = self._client.put_object(
                self._bucket, key, data=bounded, length=-1, part_size=_PART_BYTES
            )
        return ObjectInfo(key, bounded.count, result.etag or "", datetime.now(UTC))

    @override
    def stream(self, key: str, *, chunk_bytes: int = 2**20, offset: int = 0) -> Iterator[bytes]:
        with self._errors(key):
            response = self._client.get_object(self._bucket, key, offset=offset)
            try:
                yield from response.stream(chunk_bytes)
            finally:
                response.close()
                response.release_conn()

    @override
    def stat(self, key: str) -> ObjectInfo:
        with self._errors(key):
            found = self._client.stat_object(self._bucket, key)
        return ObjectInfo(key, found.size or 0, found.etag or "", found.last_modified or datetime.now(UTC))

    @override
    def delete(self, key: str) -> None:
        with self._errors(key):
            self._client.remove_object(self._bucket, key)

    @override
    def walk(self, prefix: str = "") -> Iterator[ObjectInfo]:
        with self._errors(prefix):
            for item in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
                modified = item.last_modified or datetime.now(UTC)
                yield ObjectInfo(item.object_name or "", item.size or 0, item.etag or "", modified)

    @override
    def presign_get(self, key: str, *, expires: timedelta = timedelta(minutes=15)) -> str:
        with self._errors(key):
            return str(self._client.presigned_get_object(self._bucket, key, expires=expires))

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        place = self.address(key)
        try:
            yield
        except S3Error as error:
            if error.code in _MISSING:
                raise missing(place) from error
            if error.code in _EXISTS:
                raise exists(place) from error
            raise _failure(place, error) from error
        except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _failure(place, error) from error


def _failure(place: str, error: Exception) -> StoreError:
    return StoreError(
        Text(
            id=f"Penyimpanan objek gagal pada {place}: {error}.",
            en=f"The object store failed at {place}: {error}.",
        ),
        Text(id="Periksa apakah layanan S3 berjalan.", en="Check that the S3 service is running."),
        retry_after_seconds=2,
    )


class _Bounded:
    """A stream that refuses to give more than `limit` bytes."""

    def __init__(self, stream: BinaryIO, limit: int, key: str) -> None:
        self._stream, self._limit, self._key = stream, limit, key
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size)
        self.count += len(chunk)
        if self.count > self._limit:
            raise too_large(self._key, self._limit)
        return chunk
