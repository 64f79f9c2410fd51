"""The test that a store has to pass: of 32 racing conditional puts exactly one wins."""

import secrets
from concurrent.futures import ThreadPoolExecutor

from minio import Minio
from minio.error import S3Error

from localstack.errors import NotReadyError, StackError

_RACERS = 32
_LOST = {"PreconditionFailed", "ConditionalRequestConflict"}


def refuse_racy_store(client: Minio, bucket: str) -> None:
    """Raise StackError when a conditional put (If-None-Match: *) is won by more than one writer."""
    key = f"selftest/{secrets.token_hex(8)}"
    with ThreadPoolExecutor(_RACERS) as pool:
        won = sum(pool.map(lambda number: _put(client, bucket, key, number), range(_RACERS)))
    client.remove_object(bucket, key)
    if won == 0:
        raise NotReadyError("S3 takes no conditional put yet")
    if won > 1:
        raise StackError(
            f"the S3 store lets {won} of {_RACERS} racing conditional puts win, tables would lose commits in it: "
            "use a store that honours If-None-Match"
        )


def _put(client: Minio, bucket: str, key: str, number: int) -> bool:
    try:
        client._execute(  # noqa: SLF001 - the public put has no conditional headers
            "PUT",
            bucket_name=bucket,
            object_name=key,
            body=f"racer {number}".encode(),
            headers={"If-None-Match": "*"},
        )
    except S3Error as error:
        if error.code in _LOST:
            return False
        raise
    return True
