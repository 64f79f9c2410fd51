"""UploadService over gRPC."""

from collections.abc import AsyncIterator
from typing import Any

from ingest_service.converters import submission_to_proto, upload_to_proto
from ingest_service.domain.names import dataset_id, submission_id, upload_id
from ingest_service.domain.upload import Chunk, Upload
from ingest_service.metrics import BYTES
from ingest_service.service.uploads import UploadService
from ingest_service.servicer.language import language_of
from lumbung.ingest.v1 import upload_service_pb2 as pb
from lumbung.ingest.v1 import upload_service_pb2_grpc as pb_grpc
from servicekit.auth import current_principal
from servicekit.errors import InvalidArgumentError, Text
from servicekit.telemetry import client_metadata

__all__ = ["UploadServicer"]


class UploadServicer(pb_grpc.UploadServiceServicer):  # type: ignore[misc]
    """Takes files in chunks that can be resumed after any interruption."""

    def __init__(self, service: UploadService) -> None:
        self._service = service

    async def CreateUpload(self, request: Any, context: Any) -> pb.Upload:  # noqa: N802
        """Opens an upload."""
        del context
        upload = await self._service.create_upload(
            current_principal(),
            dataset=dataset_id(request.upload.dataset, "upload.dataset"),
            file_name=request.upload.file_name,
            size_bytes=request.upload.size_bytes,
            request_id=request.request_id,
            correction_of=submission_id(request.upload.correction_of, "upload.correction_of")
            if request.upload.correction_of
            else None,
        )
        return upload_to_proto(upload)

    async def WriteUpload(  # noqa: N802
        self, requests: AsyncIterator[Any], context: Any
    ) -> pb.WriteUploadResponse:
        """Writes chunks in order; each is durable before the next is read."""
        del context
        principal = current_principal()
        upload: Upload | None = None
        async for request in requests:
            if upload is None:
                upload = await self._service.get_upload(principal, upload_id(request.name))
            elif request.name and upload_id(request.name) != upload.upload_id:
                raise InvalidArgumentError(
                    Text(en="A stream writes one upload.", id="Satu aliran hanya untuk satu unggahan."),
                    field="name",
                )
            chunk = Chunk(request.offset, request.data, request.crc32c)
            upload = await self._service.write_chunk(upload, chunk)
            BYTES.inc(len(chunk.data))
        if upload is None:
            raise InvalidArgumentError(
                Text(en="The stream brought no chunk.", id="Aliran tidak berisi potongan."),
                Text(en="Send at least one chunk.", id="Kirim sedikitnya satu potongan."),
                field="data",
            )
        return pb.WriteUploadResponse(committed_bytes=upload.committed_bytes)

    async def GetUpload(self, request: Any, context: Any) -> pb.Upload:  # noqa: N802
        """Says how far an upload is stored."""
        del context
        return upload_to_proto(await self._service.get_upload(current_principal(), upload_id(request.name)))

    async def FinishUpload(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Closes an upload and hands the file to validation."""
        submission = await self._service.finish_upload(
            current_principal(), upload_id(request.name), request.crc32c, dict(client_metadata())
        )
        return submission_to_proto(submission, language_of(context))
