"""AuditService."""

from catalog_service.converters.audit import entry_from_proto, entry_to_proto, verification_to_proto
from catalog_service.service.audit import AuditService
from catalog_service.servicer.language import Context
from lumbung.catalog.v1 import audit_service_pb2 as pb
from lumbung.catalog.v1 import audit_service_pb2_grpc as pb_grpc

__all__ = ["AuditServicer"]


class AuditServicer(pb_grpc.AuditServiceServicer):  # type: ignore[misc]
    """lumbung.catalog.v1.AuditService."""

    def __init__(self, service: AuditService) -> None:
        self._service = service

    async def ListAuditEntries(  # noqa: N802
        self, request: pb.ListAuditEntriesRequest, context: Context
    ) -> pb.ListAuditEntriesResponse:
        """See the proto."""
        del context
        entries, token = await self._service.list_audit_entries(
            size=request.page_size,
            token=request.page_token,
            resource=request.resource,
            username=request.username,
        )
        return pb.ListAuditEntriesResponse(
            entries=[entry_to_proto(entry) for entry in entries], next_page_token=token
        )

    async def VerifyAuditLog(  # noqa: N802
        self, request: pb.VerifyAuditLogRequest, context: Context
    ) -> pb.VerifyAuditLogResponse:
        """See the proto."""
        del request, context
        return verification_to_proto(await self._service.verify_audit_log())

    async def RecordAuditEntries(  # noqa: N802
        self, request: pb.RecordAuditEntriesRequest, context: Context
    ) -> pb.RecordAuditEntriesResponse:
        """See the proto."""
        del context
        await self._service.record_audit_entries([entry_from_proto(entry) for entry in request.entries])
        return pb.RecordAuditEntriesResponse()
