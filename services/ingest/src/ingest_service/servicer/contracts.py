"""ContractService over gRPC."""

from collections.abc import AsyncIterator
from typing import Any

from ingest_service.domain.names import dataset_id
from ingest_service.service.contracts import ContractService
from ingest_service.servicer.language import language_of
from lumbung.ingest.v1 import contract_service_pb2 as pb
from lumbung.ingest.v1 import contract_service_pb2_grpc as pb_grpc
from servicekit.auth import current_principal
from servicekit.errors import InvalidArgumentError, Text

__all__ = ["ContractServicer"]


class ContractServicer(pb_grpc.ContractServiceServicer):  # type: ignore[misc]
    """Helps to write the contract of a dataset."""

    def __init__(self, service: ContractService) -> None:
        self._service = service

    async def ProposeContract(  # noqa: N802
        self, requests: AsyncIterator[Any], context: Any
    ) -> pb.ProposeContractResponse:
        """Looks at a file and drafts a declaration for it."""
        first = await anext(aiter(requests), None)
        if first is None:
            raise InvalidArgumentError(
                Text(en="The stream brought no file.", id="Aliran tidak berisi berkas."), field="data"
            )
        language = language_of(context)
        proposal = await self._service.propose_contract(
            current_principal(),
            dataset=dataset_id(first.dataset),
            file_name=first.file_name,
            cut=first.cut,
            language=language,
            data=_data(first, requests),
        )
        return pb.ProposeContractResponse(
            declaration=proposal.declaration,
            doubts=[
                pb.Doubt(column=doubt.column, text=doubt.text.id if language == "id" else doubt.text.en)
                for doubt in proposal.doubts
            ],
            rows_read=proposal.rows_read,
            rows_bad=proposal.rows_bad,
        )


async def _data(first: Any, rest: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    yield first.data
    async for request in rest:
        yield request.data
