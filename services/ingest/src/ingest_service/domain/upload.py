"""A file on its way in."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ingest_service.errors import OffsetMismatchError, UploadNotOpenError
from servicekit.errors import Text

__all__ = ["Chunk", "StoredChunk", "Upload", "UploadState"]


class UploadState(StrEnum):
    """Where an upload stands."""

    OPEN = "open"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that came in, with their place in the file and their CRC32C."""

    offset: int
    data: bytes
    crc32c: int

    @property
    def end(self) -> int:
        """Offset of the byte after the last."""
        return self.offset + len(self.data)


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk in the object store; `size` in bytes."""

    offset: int
    size: int
    crc32c: int
    key: str


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload. `crc32c` is that of the bytes stored so far, `committed_bytes` of them. Times are UTC.

    `correction_of` is the submission whose bad rows the file mends.
    """

    upload_id: str
    dataset: str
    file_name: str
    size_bytes: int
    owner: str
    owner_name: str
    request_id: str | None
    state: UploadState
    committed_bytes: int
    crc32c: int
    create_time: datetime
    expire_time: datetime
    submission_id: str | None = None
    correction_of: str | None = None

    def check_open(self, now: datetime) -> None:
        """UploadNotOpenError unless the upload takes chunks."""
        if self.state is UploadState.OPEN and now < self.expire_time:
            return
        state = "expired" if self.state is UploadState.OPEN else self.state.value
        raise UploadNotOpenError(
            Text(
                en=f"uploads/{self.upload_id} takes no more bytes: it is {state}.",
                id=f"uploads/{self.upload_id} tidak lagi menerima data: {state}.",
            ),
            Text(en="Open a new upload.", id="Buka unggahan baru."),
            metadata={"state": state, "submission": self.submission_id or ""},
        )

    def check_place(self, chunk: Chunk) -> None:
        """OffsetMismatchError unless the chunk begins where the stored bytes end and ends within the file."""
        if chunk.offset != self.committed_bytes:
            raise OffsetMismatchError(
                Text(
                    en=f"The chunk begins at {chunk.offset}, but {self.committed_bytes} bytes are stored.",
                    id=f"Potongan mulai pada {chunk.offset}, padahal {self.committed_bytes} bita sudah tersimpan.",
                ),
                Text(
                    en=f"Continue at offset {self.committed_bytes}.",
                    id=f"Lanjutkan dari offset {self.committed_bytes}.",
                ),
                field="offset",
                metadata={"expected_offset": str(self.committed_bytes)},
            )
        if chunk.end > self.size_bytes:
            raise OffsetMismatchError(
                Text(
                    en=f"The chunk ends at {chunk.end}, but the file was announced with {self.size_bytes} bytes.",
                    id=f"Potongan berakhir pada {chunk.end}, padahal ukuran berkas {self.size_bytes} bita.",
                ),
                Text(
                    en="Open a new upload with the file's real size.",
                    id="Buka unggahan baru dengan ukuran berkas yang benar.",
                ),
                field="data",
                metadata={"expected_offset": str(self.committed_bytes)},
                reason="BEYOND_SIZE",
            )
