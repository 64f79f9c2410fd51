"""Takes files in chunks."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ingest_service.clients.catalog import Catalog
from ingest_service.domain.checksums import extend_crc32c
from ingest_service.domain.contract import Declaration
from ingest_service.domain.names import new_id
from ingest_service.domain.submission import Submission, SubmissionState
from ingest_service.domain.upload import Chunk, Upload, UploadState
from ingest_service.errors import (
    BadChunkError,
    CorrectionRefusedError,
    FileTooLargeError,
    NotUploadableError,
    RequestIdReusedError,
    UploadContendedError,
    UploadIncompleteError,
    UploadNotFoundError,
    WindowClosedError,
)
from ingest_service.service.corrections import Corrections
from ingest_service.service.submissions import SubmissionService
from ingest_service.settings import UploadSettings
from ingest_service.storage.ports import ChunkStore, UploadStore
from servicekit.auth import Principal
from servicekit.errors import InvalidArgumentError, ResourceExhaustedError, Text

__all__ = ["UploadService"]

_MAX_NAME = 255
_MAX_REQUEST_ID = 128


def _now() -> datetime:
    return datetime.now(UTC)


class UploadService:
    """Opens, writes and finishes uploads. Who may write is asked before anything about the dataset is looked up."""

    def __init__(
        self,
        uploads: UploadStore,
        chunks: ChunkStore,
        catalog: Catalog,
        settings: UploadSettings,
        submissions: SubmissionService,
        corrections: Corrections,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._uploads, self._chunks, self._catalog = uploads, chunks, catalog
        self._submissions, self._corrections = submissions, corrections
        self._settings, self._now = settings, now

    async def create_upload(
        self,
        principal: Principal,
        *,
        dataset: str,
        file_name: str,
        size_bytes: int,
        request_id: str,
        correction_of: str | None = None,
    ) -> Upload:
        """Opens an upload, or gives back the one of this request id.

        Raises:
            WritingDeniedError, NotUploadableError, FileTooLargeError, RequestIdReusedError, InvalidArgumentError,
            WindowClosedError; of a correction SubmissionNotFoundError, CorrectionRefusedError.
        """
        await self._catalog.require_write(principal, dataset)
        self._check_announcement(file_name, size_bytes, request_id)
        declaration, _revision = await self._catalog.get_declaration(dataset)
        if declaration.contract.format is None:
            raise NotUploadableError(
                Text(
                    en=f"datasets/{dataset} takes no files: a pipeline writes it.",
                    id=f"datasets/{dataset} tidak menerima berkas: ditulis oleh pipeline.",
                ),
                Text(en="Upload to the dataset's source.", id="Unggah ke dataset sumbernya."),
            )
        self._require_window(principal, declaration, correction=correction_of is not None)
        if correction_of is not None:
            await self._require_mendable(principal, correction_of, declaration)
        if await self._uploads.count_open(principal.subject) >= self._settings.max_open_per_caller:
            raise ResourceExhaustedError(
                Text(
                    en=f"{principal.username} has {self._settings.max_open_per_caller} open uploads.",
                    id=f"{principal.username} mempunyai {self._settings.max_open_per_caller} unggahan terbuka.",
                ),
                Text(en="Finish some of them first.", id="Selesaikan sebagian dahulu."),
                reason="TOO_MANY_UPLOADS",
            )
        now = self._now()
        wanted = Upload(
            upload_id=new_id(),
            dataset=dataset,
            file_name=file_name,
            size_bytes=size_bytes,
            owner=principal.subject,
            owner_name=principal.username,
            request_id=request_id or None,
            state=UploadState.OPEN,
            committed_bytes=0,
            crc32c=0,
            create_time=now,
            expire_time=now + timedelta(hours=self._settings.expire_hours),
            correction_of=correction_of,
        )
        upload = await self._uploads.create_upload(wanted)
        known = (upload.dataset, upload.file_name, upload.size_bytes, upload.correction_of)
        same = known == (dataset, file_name, size_bytes, correction_of)
        if not same:
            raise RequestIdReusedError(
                Text(
                    en=f"The request id {request_id!r} belongs to the upload of another file.",
                    id=f"Id permintaan {request_id!r} milik unggahan berkas lain.",
                ),
                Text(en="Use a fresh request id.", id="Gunakan id permintaan baru."),
                field="request_id",
            )
        return upload

    def _require_window(self, principal: Principal, declaration: Declaration, *, correction: bool) -> None:
        windows = declaration.contract.windows
        if windows is None:
            return
        why = windows.refusal(principal.office, self._now(), correction=correction)
        if why is not None:
            raise WindowClosedError(
                why,
                Text(
                    en=f"Ask {declaration.owner} if it has to come in now.",
                    id=f"Hubungi {declaration.owner} bila harus diterima sekarang.",
                ),
                metadata={"dataset": f"datasets/{declaration.name}"},
            )

    async def _require_mendable(
        self, principal: Principal, submission_id: str, declaration: Declaration
    ) -> None:
        submission = await self._submissions.get_submission(principal, submission_id)
        if submission.dataset != declaration.name:
            raise CorrectionRefusedError(
                Text(
                    en=f"submissions/{submission_id} is of datasets/{submission.dataset}.",
                    id=f"submissions/{submission_id} milik datasets/{submission.dataset}.",
                ),
                Text(en="Upload to that dataset.", id="Unggah ke dataset tersebut."),
            )
        self._corrections.require_mendable(submission, declaration.contract)

    def _check_announcement(self, file_name: str, size_bytes: int, request_id: str) -> None:
        if not 0 < len(file_name) <= _MAX_NAME or any(ord(letter) < 32 for letter in file_name):  # noqa: PLR2004
            raise InvalidArgumentError(
                Text(
                    en=f"The file name has to have 1 to {_MAX_NAME} printable characters.",
                    id=f"Nama berkas harus 1 sampai {_MAX_NAME} karakter.",
                ),
                field="upload.file_name",
            )
        if len(request_id) > _MAX_REQUEST_ID:
            raise InvalidArgumentError(
                Text(
                    en=f"A request id has at most {_MAX_REQUEST_ID} characters.",
                    id=f"Id permintaan paling panjang {_MAX_REQUEST_ID} karakter.",
                ),
                field="request_id",
            )
        if size_bytes <= 0:
            raise InvalidArgumentError(
                Text(en=f"The file is empty: {size_bytes} bytes.", id=f"Berkas kosong: {size_bytes} bita."),
                Text(en="Send the file with its content.", id="Kirim berkas beserta isinya."),
                field="upload.size_bytes",
                reason="FILE_EMPTY",
            )
        limit = self._settings.max_file_bytes
        if size_bytes > limit:
            raise FileTooLargeError(
                Text(
                    en=f"The file has {size_bytes} bytes; the limit is {limit}.",
                    id=f"Berkas berukuran {size_bytes} bita; batasnya {limit}.",
                ),
                Text(en="Split it into smaller files.", id="Pecah menjadi berkas yang lebih kecil."),
                field="upload.size_bytes",
            )

    async def get_upload(self, principal: Principal, upload_id: str) -> Upload:
        """An upload of the caller's own; UploadNotFoundError for anybody else's."""
        upload = await self._uploads.get_upload(upload_id)
        if upload is None or (upload.owner != principal.subject and "admin" not in principal.roles):
            raise UploadNotFoundError(
                Text(
                    en=f"{principal.username} has no uploads/{upload_id}.",
                    id=f"{principal.username} tidak mempunyai uploads/{upload_id}.",
                ),
                Text(en="Open a new upload.", id="Buka unggahan baru."),
            )
        return upload

    async def write_chunk(self, upload: Upload, chunk: Chunk) -> Upload:
        """Stores one chunk of WriteUpload; the upload as it stands then. A chunk that is stored already is passed over.

        Raises:
            UploadNotOpenError, BadChunkError, OffsetMismatchError, UploadContendedError.
        """
        upload.check_open(self._now())
        self._check_chunk(chunk)
        if chunk.offset < upload.committed_bytes and await self._is_stored(upload, chunk):
            return upload
        upload.check_place(chunk)
        stored = await self._chunks.put_chunk(upload.upload_id, chunk)
        crc32c = extend_crc32c(upload.crc32c, chunk.data)
        if await self._uploads.append_chunk(upload.upload_id, stored, crc32c):
            return replace(upload, committed_bytes=chunk.end, crc32c=crc32c)
        # Somebody else's chunk came first; with the same bytes no harm is done.
        present = await self._uploads.get_upload(upload.upload_id)
        if present is not None and await self._is_stored(upload, chunk):
            return present
        raise UploadContendedError(
            Text(
                en=f"Somebody else is writing uploads/{upload.upload_id} at the same time.",
                id=f"uploads/{upload.upload_id} sedang ditulis pengirim lain pada saat yang sama.",
            ),
            Text(
                en="Let one writer go on; ask GetUpload where to resume.",
                id="Biarkan satu pengirim melanjutkan; tanyakan posisi lewat GetUpload.",
            ),
            metadata={"expected_offset": str(present.committed_bytes if present else 0)},
        )

    async def _is_stored(self, upload: Upload, chunk: Chunk) -> bool:
        known = await self._uploads.find_chunk(upload.upload_id, chunk.offset)
        return known is not None and (known.size, known.crc32c) == (len(chunk.data), chunk.crc32c)

    def _check_chunk(self, chunk: Chunk) -> None:
        limit = self._settings.max_chunk_bytes
        if not 0 < len(chunk.data) <= limit:
            raise BadChunkError(
                Text(
                    en=f"The chunk at {chunk.offset} has {len(chunk.data)} bytes; 1 to {limit} are taken.",
                    id=f"Potongan pada {chunk.offset} berisi {len(chunk.data)} bita; yang diterima 1 sampai {limit}.",
                ),
                Text(en="Send smaller chunks.", id="Kirim potongan yang lebih kecil."),
                field="data",
            )
        actual = extend_crc32c(0, chunk.data)
        if actual != chunk.crc32c:
            raise BadChunkError(
                Text(
                    en=f"The chunk at {chunk.offset} has CRC32C {actual:08x}, not {chunk.crc32c:08x}.",
                    id=f"Potongan pada {chunk.offset} mempunyai CRC32C {actual:08x}, bukan {chunk.crc32c:08x}.",
                ),
                Text(en="Send the chunk again.", id="Kirim ulang potongan ini."),
                field="crc32c",
                reason="CHECKSUM_MISMATCH",
            )

    async def finish_upload(
        self, principal: Principal, upload_id: str, crc32c: int, trace: Mapping[str, str]
    ) -> Submission:
        """Closes an upload and hands it to validation; again, it gives back the same submission.

        Raises:
            UploadNotFoundError, UploadNotOpenError, UploadIncompleteError, WritingDeniedError, WindowClosedError.
        """
        upload = await self.get_upload(principal, upload_id)
        await self._catalog.require_write(principal, upload.dataset)
        if upload.state is not UploadState.FINISHED:
            upload.check_open(self._now())
            declaration, _revision = await self._catalog.get_declaration(upload.dataset)
            self._require_window(principal, declaration, correction=upload.correction_of is not None)
        self._check_complete(upload, crc32c)
        now = self._now()
        submission = Submission(
            submission_id=new_id(),
            upload_id=upload.upload_id,
            dataset=upload.dataset,
            file_name=upload.file_name,
            size_bytes=upload.size_bytes,
            owner=upload.owner,
            submitter=upload.owner_name,
            state=SubmissionState.PENDING,
            message=Text(en="Waits for validation.", id="Menunggu validasi."),
            create_time=now,
            update_time=now,
            trace=dict(trace),
            correction_of=upload.correction_of,
        )
        return await self._uploads.finish_upload(upload, submission)

    def _check_complete(self, upload: Upload, crc32c: int) -> None:
        if upload.committed_bytes != upload.size_bytes:
            raise UploadIncompleteError(
                Text(
                    en=f"{upload.committed_bytes} of {upload.size_bytes} bytes are stored.",
                    id=f"Baru {upload.committed_bytes} dari {upload.size_bytes} bita tersimpan.",
                ),
                Text(
                    en=f"Continue at offset {upload.committed_bytes}, then finish.",
                    id=f"Lanjutkan dari offset {upload.committed_bytes}, lalu selesaikan.",
                ),
                metadata={"expected_offset": str(upload.committed_bytes)},
            )
        if crc32c != upload.crc32c:
            raise UploadIncompleteError(
                Text(
                    en=f"The stored file has CRC32C {upload.crc32c:08x}, not {crc32c:08x}.",
                    id=f"Berkas tersimpan mempunyai CRC32C {upload.crc32c:08x}, bukan {crc32c:08x}.",
                ),
                Text(
                    en="The file changed while it was sent: upload it anew.",
                    id="Berkas berubah selama dikirim: unggah lagi.",
                ),
                field="crc32c",
                reason="CHECKSUM_MISMATCH",
            )

    async def expire_uploads(self) -> int:
        """Gives up open uploads past their time and removes their bytes; how many."""
        expired = await self._uploads.expire_uploads(self._now())
        for upload_id in expired:
            await self._chunks.delete_chunks(upload_id)
        return len(expired)
