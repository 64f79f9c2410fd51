"""`lumbung.compute.v1.PipelineService`."""

from collections.abc import AsyncIterator
from typing import Any

from compute_service.converters import log_line_to_proto, pipeline_to_proto, run_to_proto
from compute_service.domain.names import (
    page_limit,
    parse_parent,
    parse_pipeline_name,
    parse_run_name,
    read_token,
    write_token,
)
from compute_service.domain.runs import StoredPipeline
from compute_service.service.pipelines import PipelineService
from lumbung.compute.v1 import pipeline_service_pb2 as pb
from lumbung.compute.v1 import pipeline_service_pb2_grpc
from servicekit.auth import current_principal
from servicekit.telemetry import client_metadata, current_trace_id

__all__ = ["PipelineServicer"]


class PipelineServicer(pipeline_service_pb2_grpc.PipelineServiceServicer):  # type: ignore[misc]
    """Pipelines and runs."""

    def __init__(self, service: PipelineService) -> None:
        self._service = service

    async def ApplyPipeline(self, request: pb.ApplyPipelineRequest, context: Any) -> pb.Pipeline:  # noqa: N802
        """Keeps a declaration."""
        stored = await self._service.apply_pipeline(request.pipeline.declaration)
        return self._pipeline(stored, context)

    async def GetPipeline(self, request: pb.GetPipelineRequest, context: Any) -> pb.Pipeline:  # noqa: N802
        """One pipeline."""
        return self._pipeline(await self._service.get_pipeline(parse_pipeline_name(request.name)), context)

    async def ListPipelines(  # noqa: N802
        self, request: pb.ListPipelinesRequest, context: Any
    ) -> pb.ListPipelinesResponse:
        """A page of pipelines."""
        limit = page_limit(request.page_size)
        found = await self._service.list_pipelines(read_token(request.page_token), limit + 1)
        more = len(found) > limit
        return pb.ListPipelinesResponse(
            pipelines=[self._pipeline(stored, context) for stored in found[:limit]],
            next_page_token=write_token(found[limit - 1].pipeline) if more else "",
        )

    async def RunPipeline(self, request: pb.RunPipelineRequest, context: Any) -> pb.Run:  # noqa: N802
        """Asks for a run."""
        run = await self._service.run_pipeline(
            current_principal(),
            parse_pipeline_name(request.name),
            request.request_id,
            dict(client_metadata()),
            current_trace_id(),
        )
        return run_to_proto(run, _language(context))

    async def GetRun(self, request: pb.GetRunRequest, context: Any) -> pb.Run:  # noqa: N802
        """One run."""
        run = await self._service.get_run(current_principal(), *parse_run_name(request.name))
        return run_to_proto(run, _language(context))

    async def ListRuns(self, request: pb.ListRunsRequest, context: Any) -> pb.ListRunsResponse:  # noqa: N802
        """A page of runs, newest first."""
        limit = page_limit(request.page_size)
        found = await self._service.list_runs(
            current_principal(), parse_parent(request.parent), read_token(request.page_token), limit + 1
        )
        return pb.ListRunsResponse(
            runs=[run_to_proto(run, _language(context)) for run in found[:limit]],
            next_page_token=write_token(found[limit - 1].run) if len(found) > limit else "",
        )

    async def ReadRunLog(  # noqa: N802
        self, request: pb.ReadRunLogRequest, context: Any
    ) -> AsyncIterator[pb.ReadRunLogResponse]:
        """Lines of a log."""
        pipeline, run = parse_run_name(request.name)
        async for line in self._service.read_run_log(
            current_principal(), pipeline, run, follow=request.follow
        ):
            yield log_line_to_proto(line, _language(context))

    async def CancelRun(self, request: pb.CancelRunRequest, context: Any) -> pb.Run:  # noqa: N802
        """Ends a run."""
        run = await self._service.cancel_run(current_principal(), *parse_run_name(request.name))
        return run_to_proto(run, _language(context))

    def _pipeline(self, stored: StoredPipeline, context: Any) -> pb.Pipeline:
        return pipeline_to_proto(stored, self._service.parse(stored.declaration), _language(context))


def _language(context: Any) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == "accept-language" and isinstance(value, str):
            return "id" if value.lower().startswith("id") else "en"
    return "en"
