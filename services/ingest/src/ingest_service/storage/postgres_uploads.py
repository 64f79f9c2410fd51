"""Uploads in PostgreSQL."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool
from typing_extensions import override

from ingest_service.domain.submission import Submission
from ingest_service.domain.upload import StoredChunk, Upload, UploadState
from ingest_service.storage.ports import UploadStore
from ingest_service.storage.rows import (
    SUBMISSIONS,
    UPLOADS,
    chunk_from_row,
    submission_from_row,
    submission_to_row,
    upload_from_row,
)

__all__ = ["Enqueue", "PostgresUploadStore"]

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[DictRow]]
Enqueue: TypeAlias = Callable[[AsyncConnection[Any], str], Awaitable[None]]

_CREATE = """INSERT INTO uploads (upload_id, dataset, file_name, size_bytes, owner, owner_name, request_id, state,
    committed_bytes, crc32c, create_time, expire_time)
VALUES (%(upload_id)s, %(dataset)s, %(file_name)s, %(size_bytes)s, %(owner)s, %(owner_name)s, %(request_id)s, 'open',
    0, %(crc32c)s, %(create_time)s, %(expire_time)s)
ON CONFLICT (owner, request_id) DO NOTHING RETURNING upload_id"""
_CORRECT = (
    "INSERT INTO upload_corrections (upload_id, correction_of) VALUES (%(upload_id)s, %(correction_of)s)"
)
_APPEND = """UPDATE uploads SET committed_bytes = committed_bytes + %(size)s, crc32c = %(crc32c)s
WHERE upload_id = %(upload_id)s AND committed_bytes = %(offset)s AND state = 'open'"""
_ADD_CHUNK = """INSERT INTO upload_chunks (upload_id, chunk_offset, size_bytes, crc32c, object_key)
VALUES (%s, %s, %s, %s, %s)"""
_EXPIRE = """UPDATE uploads SET state = 'cancelled'
WHERE upload_id IN (SELECT upload_id FROM uploads WHERE state = 'open' AND expire_time <= %s LIMIT 100)
RETURNING upload_id"""


class PostgresUploadStore(UploadStore):
    """Uploads and the list of the chunks that WriteUpload stored. `enqueue` queues a submission's work on the given connection."""

    def __init__(self, pool: Pool, enqueue: Enqueue) -> None:
        self._pool = pool
        self._enqueue = enqueue

    @override
    async def create_upload(self, upload: Upload) -> Upload:
        values = {name: getattr(upload, name) for name in upload.__dataclass_fields__}
        async with self._pool.connection() as connection:
            made = await (await connection.execute(_CREATE, values)).fetchone()
            if made is not None and upload.correction_of is not None:
                await connection.execute(_CORRECT, values)
            found = await connection.execute(
                f"{UPLOADS} WHERE u.upload_id = %s OR (u.owner = %s AND u.request_id = %s) LIMIT 1",
                [upload.upload_id, upload.owner, upload.request_id],
            )
            row = await found.fetchone()
        if row is None:
            raise RuntimeError("an upload neither inserted nor found")
        return upload_from_row(row)

    @override
    async def get_upload(self, upload_id: str) -> Upload | None:
        async with self._pool.connection() as connection:
            found = await connection.execute(f"{UPLOADS} WHERE upload_id = %s", [upload_id])
            row = await found.fetchone()
        return upload_from_row(row) if row else None

    @override
    async def count_open(self, owner: str) -> int:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "SELECT count(*) AS n FROM uploads WHERE owner = %s AND state = 'open'", [owner]
            )
            row = await found.fetchone()
        return int(row["n"]) if row else 0

    @override
    async def append_chunk(self, upload_id: str, chunk: StoredChunk, crc32c: int) -> bool:
        values = {"size": chunk.size, "crc32c": crc32c, "upload_id": upload_id, "offset": chunk.offset}
        async with self._pool.connection() as connection:
            changed = await connection.execute(_APPEND, values)
            if changed.rowcount != 1:
                return False
            await connection.execute(
                _ADD_CHUNK, [upload_id, chunk.offset, chunk.size, chunk.crc32c, chunk.key]
            )
        return True

    @override
    async def find_chunk(self, upload_id: str, offset: int) -> StoredChunk | None:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "SELECT * FROM upload_chunks WHERE upload_id = %s AND chunk_offset = %s", [upload_id, offset]
            )
            row = await found.fetchone()
        return chunk_from_row(row) if row else None

    @override
    async def list_chunks(self, upload_id: str) -> Sequence[StoredChunk]:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "SELECT * FROM upload_chunks WHERE upload_id = %s ORDER BY chunk_offset", [upload_id]
            )
            return [chunk_from_row(row) for row in await found.fetchall()]

    @override
    async def finish_upload(self, upload: Upload, submission: Submission) -> Submission:
        row = submission_to_row(submission)
        insert = sql.SQL("INSERT INTO submissions ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, row)), sql.SQL(", ").join(map(sql.Placeholder, row))
        )
        async with self._pool.connection() as connection:
            locked = await connection.execute(
                "SELECT * FROM uploads WHERE upload_id = %s FOR UPDATE", [upload.upload_id]
            )
            present = await locked.fetchone()
            if present is not None and present["state"] == UploadState.FINISHED:
                found = await connection.execute(f"{SUBMISSIONS} WHERE s.upload_id = %s", [upload.upload_id])
                earlier = await found.fetchone()
                if earlier is None:
                    raise RuntimeError(f"finished upload {upload.upload_id} has no submission")
                return submission_from_row(earlier)
            await connection.execute(insert, row)
            await connection.execute(
                "UPDATE uploads SET state = 'finished', submission_id = %s WHERE upload_id = %s",
                [submission.submission_id, upload.upload_id],
            )
            await self._enqueue(connection, submission.submission_id)
        return submission

    @override
    async def expire_uploads(self, now: datetime) -> Sequence[str]:
        async with self._pool.connection() as connection:
            found = await connection.execute(_EXPIRE, [now])
            return [row["upload_id"] for row in await found.fetchall()]
