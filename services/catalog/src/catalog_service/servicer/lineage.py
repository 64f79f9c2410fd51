"""LineageService."""

from catalog_service.converters.lineage import edge_from_proto, edge_to_proto
from catalog_service.service.lineage import LineageService
from catalog_service.servicer.language import Context
from lumbung.catalog.v1 import lineage_service_pb2 as pb
from lumbung.catalog.v1 import lineage_service_pb2_grpc as pb_grpc
from servicekit.auth import current_principal

__all__ = ["LineageServicer"]


class LineageServicer(pb_grpc.LineageServiceServicer):  # type: ignore[misc]
    """lumbung.catalog.v1.LineageService."""

    def __init__(self, service: LineageService) -> None:
        self._service = service

    async def GetLineage(self, request: pb.GetLineageRequest, context: Context) -> pb.Lineage:  # noqa: N802
        """See the proto."""
        del context
        edges, hidden = await self._service.get_lineage(current_principal(), request.asset, request.depth)
        return pb.Lineage(edges=[edge_to_proto(edge) for edge in edges], hidden_assets=hidden)

    async def RecordLineage(  # noqa: N802
        self, request: pb.RecordLineageRequest, context: Context
    ) -> pb.RecordLineageResponse:
        """See the proto."""
        del context
        await self._service.record_lineage([edge_from_proto(edge) for edge in request.edges])
        return pb.RecordLineageResponse()
