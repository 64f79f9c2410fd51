"""Chunks and kept findings in the object store of the lake."""

import asyncio
import hashlib
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from typing_extensions import override

from ingest_service.domain.upload import Chunk, StoredChunk
from ingest_service.storage.ports import ChunkStore
from lake import ObjectStore

__all__ = ["ObjectChunkStore"]

_READ_BYTES = 1024 * 1024


class ObjectChunkStore(ChunkStore):
    """Chunks of WriteUpload under `staging/uploads/{upload}/`, findings under `findings/`."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    @override
    async def put_chunk(self, upload_id: str, chunk: Chunk) -> StoredChunk:
        # The suffix keeps two writers at one offset apart: the list in PostgreSQL says whose chunk counts.
        key = f"{_folder(upload_id)}{chunk.offset:020d}-{secrets.token_hex(4)}"
        await asyncio.to_thread(self._objects.put, key, chunk.data)
        return StoredChunk(chunk.offset, len(chunk.data), chunk.crc32c, key)

    @override
    async def assemble(self, chunks: Sequence[StoredChunk], path: Path) -> str:
        return await asyncio.to_thread(self._assemble, chunks, path)

    def _assemble(self, chunks: Sequence[StoredChunk], path: Path) -> str:
        digest = hashlib.sha256()
        with path.open("wb") as file:
            for chunk in chunks:
                for block in self._objects.stream(chunk.key, chunk_bytes=_READ_BYTES):
                    digest.update(block)
                    file.write(block)
        return digest.hexdigest()

    @override
    async def delete_chunks(self, upload_id: str) -> None:
        await asyncio.to_thread(self._delete, upload_id)

    def _delete(self, upload_id: str) -> None:
        for found in self._objects.list_prefix(_folder(upload_id), limit=100_000):
            self._objects.delete(found.key)

    @override
    async def put_findings(self, submission_id: str, path: Path) -> None:
        await asyncio.to_thread(self._objects.put_file, _findings(submission_id), path)

    @override
    async def list_findings(
        self, submission_id: str, start: int, limit: int
    ) -> AsyncIterator[Mapping[str, Any]]:
        for row in await asyncio.to_thread(self._read_findings, submission_id, start, limit):
            yield row

    def _read_findings(self, submission_id: str, start: int, limit: int) -> list[dict[str, Any]]:
        with tempfile.TemporaryDirectory(prefix="findings-") as folder:
            path = Path(folder) / "kept.parquet"
            with path.open("wb") as file:
                for block in self._objects.stream(_findings(submission_id)):
                    file.write(block)
            return pl.scan_parquet(path).slice(start, limit).collect().to_dicts()


def _folder(upload_id: str) -> str:
    return f"staging/uploads/{upload_id}/"


def _findings(submission_id: str) -> str:
    return f"findings/{submission_id}.parquet"
