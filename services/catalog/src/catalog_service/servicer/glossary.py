"""GlossaryService."""

from catalog_service.converters.glossary import term_to_proto
from catalog_service.service.glossary import GlossaryService
from catalog_service.servicer.language import Context, language_of
from lumbung.catalog.v1 import glossary_service_pb2 as pb
from lumbung.catalog.v1 import glossary_service_pb2_grpc as pb_grpc
from servicekit.auth import current_principal

__all__ = ["GlossaryServicer"]


class GlossaryServicer(pb_grpc.GlossaryServiceServicer):  # type: ignore[misc]
    """lumbung.catalog.v1.GlossaryService."""

    def __init__(self, service: GlossaryService) -> None:
        self._service = service

    async def ApplyGlossaryTerm(  # noqa: N802
        self, request: pb.ApplyGlossaryTermRequest, context: Context
    ) -> pb.GlossaryTerm:
        """See the proto."""
        term = await self._service.apply_glossary_term(current_principal(), request.glossary_term.declaration)
        return term_to_proto(term, language_of(context))

    async def ListGlossaryTerms(  # noqa: N802
        self, request: pb.ListGlossaryTermsRequest, context: Context
    ) -> pb.ListGlossaryTermsResponse:
        """See the proto."""
        terms, token = await self._service.list_glossary_terms(
            size=request.page_size, token=request.page_token
        )
        language = language_of(context)
        return pb.ListGlossaryTermsResponse(
            glossary_terms=[term_to_proto(term, language) for term in terms], next_page_token=token
        )
