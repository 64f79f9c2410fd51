"""Pipelines and their runs."""

import time
import uuid
from collections.abc import Callable, Iterator

import grpc

from lumbung.compute.v1 import pipeline_service_pb2 as pb
from lumbung.compute.v1 import pipeline_service_pb2_grpc as pb_grpc
from lumbung.errors import ApiError
from lumbung.transport import api_errors

__all__ = ["TERMINAL_STATES", "Pipelines"]

TIMEOUT_SECONDS = 30.0
TERMINAL_STATES = {pb.Run.STATE_SUCCEEDED, pb.Run.STATE_FAILED, pb.Run.STATE_CANCELLED}


class Pipelines:
    """Declares, runs and watches."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = pb_grpc.PipelineServiceStub(channel)

    def apply(self, declaration: str) -> pb.Pipeline:
        """Creates or replaces a pipeline by its YAML declaration."""
        with api_errors():
            answer: pb.Pipeline = self._stub.ApplyPipeline(
                pb.ApplyPipelineRequest(pipeline=pb.Pipeline(declaration=declaration)),
                timeout=TIMEOUT_SECONDS,
            )
        return answer

    def list_pipelines(self) -> list[pb.Pipeline]:
        """Every pipeline."""
        with api_errors():
            page = self._stub.ListPipelines(pb.ListPipelinesRequest(page_size=1000), timeout=TIMEOUT_SECONDS)
        return list(page.pipelines)

    def run(self, pipeline: str, *, request_id: str = "") -> pb.Run:
        """Starts a run; the same `request_id` gives the same run."""
        with api_errors():
            request = pb.RunPipelineRequest(
                name=f"pipelines/{pipeline}", request_id=request_id or str(uuid.uuid4())
            )
            answer: pb.Run = self._stub.RunPipeline(request, timeout=TIMEOUT_SECONDS)
        return answer

    def get_run(self, name: str) -> pb.Run:
        """A run, `pipelines/{pipeline}/runs/{run}`."""
        with api_errors():
            answer: pb.Run = self._stub.GetRun(pb.GetRunRequest(name=name), timeout=TIMEOUT_SECONDS)
        return answer

    def list_runs(self, pipeline: str = "-", limit: int = 50) -> list[pb.Run]:
        """The newest runs of a pipeline, or of all."""
        with api_errors():
            page = self._stub.ListRuns(
                pb.ListRunsRequest(parent=f"pipelines/{pipeline}", page_size=limit), timeout=TIMEOUT_SECONDS
            )
        return list(page.runs)

    def wait(
        self, name: str, timeout_seconds: float = 600.0, progress: Callable[[pb.Run], None] | None = None
    ) -> pb.Run:
        """Waits until a run ends.

        Raises:
            ApiError: DEADLINE_EXCEEDED when it takes longer.
        """
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            run = self.get_run(name)
            if progress is not None:
                progress(run)
            if run.state in TERMINAL_STATES:
                return run
            time.sleep(0.3)
        raise ApiError(
            code="DEADLINE_EXCEEDED",
            reason="RUN_SLOW",
            message=f"{name} still runs after {timeout_seconds:.0f} s. Look again with `lumbung runs show {name}`.",
        )

    def log(self, name: str, *, follow: bool = False) -> Iterator[pb.ReadRunLogResponse]:
        """The lines of a run's log, to the end of the run when `follow` is set."""
        with api_errors():
            yield from self._stub.ReadRunLog(pb.ReadRunLogRequest(name=name, follow=follow), timeout=3600)

    def cancel(self, name: str) -> pb.Run:
        """Ends a run before its time."""
        with api_errors():
            answer: pb.Run = self._stub.CancelRun(pb.CancelRunRequest(name=name), timeout=TIMEOUT_SECONDS)
        return answer
