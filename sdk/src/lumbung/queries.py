"""SQL whose answer arrives as Arrow batches."""

from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import pyarrow as pa

from lumbung.compute.v1 import query_service_pb2 as pb
from lumbung.compute.v1 import query_service_pb2_grpc as pb_grpc
from lumbung.transport import api_errors

__all__ = ["Queries", "QueryResult"]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The rows, and what they stand on: snapshots, withheld rows, masks, truncation."""

    table: pa.Table
    summary: pb.QuerySummary


class _ChunkReader:
    """A readable file over the Arrow bytes of an answer; keeps the summary when it comes."""

    def __init__(self, answers: Iterator[pb.RunQueryResponse]) -> None:
        self._answers = answers
        self._buffer = bytearray()
        self.summary = pb.QuerySummary()
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._buffer) < size:
            answer = next(self._answers, None)
            if answer is None:
                break
            if answer.HasField("summary"):
                self.summary = answer.summary
            else:
                self._buffer += answer.arrow_ipc
        wanted = len(self._buffer) if size < 0 else size
        taken = bytes(self._buffer[:wanted])
        del self._buffer[:wanted]
        return taken

    def drain(self) -> None:
        self.read()

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


class Queries:
    """Runs SELECTs."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = pb_grpc.QueryServiceStub(channel)

    def run(
        self,
        sql: str,
        *,
        max_rows: int = 0,
        purpose: str = "",
        snapshots: dict[str, int] | None = None,
        timeout_seconds: float = 300.0,
    ) -> QueryResult:
        """Runs one SELECT; tables are dataset ids. `snapshots` pins tables to snapshot ids."""
        request = pb.RunQueryRequest(sql=sql, max_rows=max_rows, purpose=purpose, snapshots=snapshots or {})
        with api_errors():
            source = _ChunkReader(self._stub.RunQuery(request, timeout=timeout_seconds))
            with pa.ipc.open_stream(pa.PythonFile(source, mode="r")) as stream:
                table = stream.read_all()
            source.drain()
        return QueryResult(table, source.summary)
