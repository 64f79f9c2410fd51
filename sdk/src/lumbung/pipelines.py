"""Pipelines and their runs."""

# mypy: disable-error-code="no-any-return"
# A stub gives Any; what an operation says that it returns is what the proto says.

import uuid
from collections.abc import Callable

from lumbung.calls import Awaiting, Blocking, Call, Operation, operation, stream
from lumbung.compute.v1 import pipeline_service_pb2 as pb
from lumbung.compute.v1 import pipeline_service_pb2_grpc as pb_grpc
from lumbung.errors import ApiError
from lumbung.repeating import collect, poll, retrying
from lumbung.texts import say

__all__ = ["TERMINAL_STATES", "AsyncPipelines", "Pipelines"]

LOG_SECONDS = 3600.0
TERMINAL_STATES = {pb.Run.STATE_SUCCEEDED, pb.Run.STATE_FAILED, pb.Run.STATE_CANCELLED}
_stub = pb_grpc.PipelineServiceStub


class _Pipelines:
    @operation
    def apply(self, declaration: str) -> Operation[pb.Pipeline]:
        """Creates or replaces a pipeline by its YAML declaration."""
        pipeline = pb.Pipeline(declaration=declaration)
        return (yield Call(_stub, "ApplyPipeline", pb.ApplyPipelineRequest(pipeline=pipeline)))

    @operation
    def list_pipelines(self) -> Operation[list[pb.Pipeline]]:
        """Every pipeline."""

        def page(size: int, token: str) -> Call:
            return Call(_stub, "ListPipelines", pb.ListPipelinesRequest(page_size=size, page_token=token))

        return (yield from collect(page, "pipelines"))

    @operation
    def run(self, pipeline: str, *, request_id: str = "") -> Operation[pb.Run]:
        """Starts a run; the same `request_id` gives the same run."""
        request = pb.RunPipelineRequest(
            name=f"pipelines/{pipeline}", request_id=request_id or str(uuid.uuid4())
        )
        return (yield from retrying(Call(_stub, "RunPipeline", request)))

    @operation
    def get_run(self, name: str) -> Operation[pb.Run]:
        """A run, `pipelines/{pipeline}/runs/{run}`."""
        return (yield Call(_stub, "GetRun", pb.GetRunRequest(name=name)))

    @operation
    def list_runs(self, pipeline: str = "-", limit: int = 50) -> Operation[list[pb.Run]]:
        """The newest runs of a pipeline, or of all."""

        def page(size: int, token: str) -> Call:
            request = pb.ListRunsRequest(parent=f"pipelines/{pipeline}", page_size=size, page_token=token)
            return Call(_stub, "ListRuns", request)

        return (yield from collect(page, "runs", limit))

    @operation
    def wait(
        self, name: str, timeout_seconds: float = 600.0, progress: Callable[[pb.Run], None] | None = None
    ) -> Operation[pb.Run]:
        """Waits until a run ends, through short outages of the platform.

        Raises:
            ApiError: DEADLINE_EXCEEDED when it takes longer.
        """
        return (
            yield from poll(
                Call(_stub, "GetRun", pb.GetRunRequest(name=name)),
                lambda run: run.state in TERMINAL_STATES,
                timeout_seconds,
                lambda: ApiError(
                    code="DEADLINE_EXCEEDED",
                    reason="RUN_SLOW",
                    message=say("run_slow", name=name, seconds=timeout_seconds),
                ),
                progress,
            )
        )

    @stream(pb.ReadRunLogResponse)
    def log(self, name: str, *, follow: bool = False) -> Call:
        """The lines of a run's log, to the end of the run when `follow` is set."""
        return Call(_stub, "ReadRunLog", pb.ReadRunLogRequest(name=name, follow=follow), LOG_SECONDS)

    @operation
    def cancel(self, name: str) -> Operation[pb.Run]:
        """Ends a run before its time."""
        return (yield Call(_stub, "CancelRun", pb.CancelRunRequest(name=name)))


class Pipelines(_Pipelines, Blocking):
    """Declares, runs and watches."""


class AsyncPipelines(_Pipelines, Awaiting):
    """`Pipelines`, to be awaited."""
