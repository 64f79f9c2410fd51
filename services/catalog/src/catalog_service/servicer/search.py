"""SearchService."""

from catalog_service.converters.search import hit_to_proto
from catalog_service.service.search import SearchService
from catalog_service.servicer.language import Context, language_of
from lumbung.catalog.v1 import search_service_pb2 as pb
from lumbung.catalog.v1 import search_service_pb2_grpc as pb_grpc
from servicekit.auth import current_principal

__all__ = ["SearchServicer"]


class SearchServicer(pb_grpc.SearchServiceServicer):  # type: ignore[misc]
    """lumbung.catalog.v1.SearchService."""

    def __init__(self, service: SearchService) -> None:
        self._service = service

    async def SearchAssets(  # noqa: N802
        self, request: pb.SearchAssetsRequest, context: Context
    ) -> pb.SearchAssetsResponse:
        """See the proto."""
        hits, token, total = await self._service.search_assets(
            current_principal(), request.query, size=request.page_size, token=request.page_token
        )
        language = language_of(context)
        return pb.SearchAssetsResponse(
            hits=[hit_to_proto(hit, language) for hit in hits], next_page_token=token, total=total
        )
