"""Sources that the platform reads by itself, and the runs that read them."""

# mypy: disable-error-code="no-any-return"
# A stub gives Any; what an operation says that it returns is what the proto says.

import uuid
from collections.abc import Callable

from lumbung.calls import Awaiting, Blocking, Call, Operation, operation
from lumbung.errors import ApiError
from lumbung.ingest.v1 import source_service_pb2 as pb
from lumbung.ingest.v1 import source_service_pb2_grpc as pb_grpc
from lumbung.repeating import collect, poll, retrying
from lumbung.texts import say

__all__ = ["TERMINAL_STATES", "AsyncSources", "Sources"]

TERMINAL_STATES = {pb.SourceRun.STATE_SUCCEEDED, pb.SourceRun.STATE_FAILED, pb.SourceRun.STATE_CANCELLED}
_stub = pb_grpc.SourceServiceStub


class _Sources:
    @operation
    def apply(self, declaration: str) -> Operation[pb.Source]:
        """Creates or replaces a source by its YAML declaration."""
        source = pb.Source(declaration=declaration)
        return (yield Call(_stub, "ApplySource", pb.ApplySourceRequest(source=source)))

    @operation
    def get(self, source: str) -> Operation[pb.Source]:
        """A source by its id."""
        return (yield Call(_stub, "GetSource", pb.GetSourceRequest(name=f"sources/{source}")))

    @operation
    def list_sources(self) -> Operation[list[pb.Source]]:
        """Every source."""

        def page(size: int, token: str) -> Call:
            return Call(_stub, "ListSources", pb.ListSourcesRequest(page_size=size, page_token=token))

        return (yield from collect(page, "sources"))

    @operation
    def run(self, source: str, *, full: bool = False, request_id: str = "") -> Operation[pb.SourceRun]:
        """Starts a run; `full` reads everything anew. The same `request_id` gives the same run."""
        request = pb.RunSourceRequest(
            name=f"sources/{source}", full=full, request_id=request_id or str(uuid.uuid4())
        )
        return (yield from retrying(Call(_stub, "RunSource", request)))

    @operation
    def get_run(self, name: str) -> Operation[pb.SourceRun]:
        """A run, `sources/{source}/runs/{run}`."""
        return (yield Call(_stub, "GetSourceRun", pb.GetSourceRunRequest(name=name)))

    @operation
    def list_runs(self, source: str = "-", limit: int = 50) -> Operation[list[pb.SourceRun]]:
        """The newest runs of a source, or of all."""

        def page(size: int, token: str) -> Call:
            request = pb.ListSourceRunsRequest(parent=f"sources/{source}", page_size=size, page_token=token)
            return Call(_stub, "ListSourceRuns", request)

        return (yield from collect(page, "source_runs", limit))

    @operation
    def wait(
        self,
        name: str,
        timeout_seconds: float = 3600.0,
        progress: Callable[[pb.SourceRun], None] | None = None,
    ) -> Operation[pb.SourceRun]:
        """Waits until a run ends, through short outages of the platform.

        Raises:
            ApiError: DEADLINE_EXCEEDED when it takes longer.
        """
        return (
            yield from poll(
                Call(_stub, "GetSourceRun", pb.GetSourceRunRequest(name=name)),
                lambda run: run.state in TERMINAL_STATES,
                timeout_seconds,
                lambda: ApiError(
                    code="DEADLINE_EXCEEDED",
                    reason="RUN_SLOW",
                    message=say("source_run_slow", name=name, seconds=timeout_seconds),
                ),
                progress,
            )
        )

    @operation
    def cancel(self, name: str) -> Operation[pb.SourceRun]:
        """Ends a run before its time; what it has committed stays."""
        return (yield Call(_stub, "CancelSourceRun", pb.CancelSourceRunRequest(name=name)))

    @operation
    def retry(self, name: str) -> Operation[pb.SourceRun]:
        """Takes up a failed or cancelled run where its last commit left it."""
        return (yield Call(_stub, "RetrySourceRun", pb.RetrySourceRunRequest(name=name)))


class Sources(_Sources, Blocking):
    """Declares, runs and watches."""


class AsyncSources(_Sources, Awaiting):
    """`Sources`, to be awaited."""
