"""SQL whose answer arrives as Arrow batches."""

from dataclasses import dataclass

import pyarrow as pa

from lumbung.calls import Awaiting, Blocking, Call, Operation, Work, operation
from lumbung.compute.v1 import query_service_pb2 as pb
from lumbung.compute.v1 import query_service_pb2_grpc as pb_grpc
from lumbung.errors import ApiError
from lumbung.texts import say

__all__ = ["AsyncQueries", "Queries", "QueryResult"]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The rows, and what they stand on: snapshots, withheld rows, masks, truncation."""

    table: pa.Table
    summary: pb.QuerySummary


class _Answer:
    """Puts an answer together from its pieces."""

    def __init__(self) -> None:
        self._bytes = pa.BufferOutputStream()
        self._summary: pb.QuerySummary | None = None

    def add(self, piece: pb.RunQueryResponse) -> None:
        if piece.HasField("summary"):
            self._summary = piece.summary
        else:
            self._bytes.write(piece.arrow_ipc)

    def result(self) -> QueryResult:
        """The table over the received bytes, which are not copied again.

        Raises:
            ApiError: DATA_LOSS when the stream ended early.
        """
        try:
            with pa.ipc.open_stream(self._bytes.getvalue()) as reader:
                table = reader.read_all()
        except (pa.ArrowException, OSError, EOFError) as error:
            raise _cut(str(error)) from error
        if self._summary is None:
            raise _cut("no summary")
        return QueryResult(table, self._summary)


def _cut(cause: str) -> ApiError:
    return ApiError(code="DATA_LOSS", reason="ANSWER_CUT", message=say("answer_cut", cause=cause))


class _Queries:
    @operation
    def run(
        self,
        sql: str,
        *,
        max_rows: int = 0,
        purpose: str = "",
        snapshots: dict[str, int] | None = None,
        timeout_seconds: float = 300.0,
    ) -> Operation[QueryResult]:
        """Runs one SELECT; tables are dataset ids. `snapshots` pins tables to snapshot ids."""
        request = pb.RunQueryRequest(sql=sql, max_rows=max_rows, purpose=purpose, snapshots=snapshots or {})
        answer = _Answer()
        yield Call(pb_grpc.QueryServiceStub, "RunQuery", request, timeout_seconds, answer.add)
        result: QueryResult = yield Work(answer.result)
        return result


class Queries(_Queries, Blocking):
    """Runs SELECTs."""


class AsyncQueries(_Queries, Awaiting):
    """`Queries`, to be awaited."""
