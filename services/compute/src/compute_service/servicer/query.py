"""`lumbung.compute.v1.QueryService`."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from compute_service.converters import summary_to_proto
from compute_service.service.queries import QueryService
from lumbung.compute.v1 import query_service_pb2, query_service_pb2_grpc
from servicekit.auth import current_principal

__all__ = ["QueryServicer"]


class QueryServicer(query_service_pb2_grpc.QueryServiceServicer):  # type: ignore[misc]
    """Runs SELECTs."""

    def __init__(self, service: QueryService) -> None:
        self._service = service

    async def RunQuery(  # noqa: N802 - the proto's name
        self, request: query_service_pb2.RunQueryRequest, context: Any
    ) -> AsyncIterator[query_service_pb2.RunQueryResponse]:
        """Arrow pieces, then the summary."""
        del context
        answer = self._service.run_query(
            current_principal(),
            request.sql,
            max_rows=request.max_rows,
            purpose=request.purpose,
            snapshots=dict(request.snapshots),
        )
        async with aclosing(answer) as parts:  # type: ignore[type-var]
            async for part in parts:
                if isinstance(part, bytes):
                    yield query_service_pb2.RunQueryResponse(arrow_ipc=part)
                else:
                    yield query_service_pb2.RunQueryResponse(summary=summary_to_proto(part))
