"""SourceService over gRPC."""

from typing import Any

from ingest_service.converters import run_to_proto, source_to_proto
from ingest_service.domain.names import source_id, source_run_id
from ingest_service.pages import page_size, read_token, write_token
from ingest_service.service.sources import SourceService
from ingest_service.servicer.language import language_of
from lumbung.ingest.v1 import source_service_pb2 as pb
from lumbung.ingest.v1 import source_service_pb2_grpc as pb_grpc
from servicekit.auth import current_principal
from servicekit.telemetry import client_metadata

__all__ = ["SourceServicer"]


class SourceServicer(pb_grpc.SourceServiceServicer):  # type: ignore[misc]
    """Systems that the platform reads from, and the runs that read them."""

    def __init__(self, service: SourceService) -> None:
        self._service = service

    async def ApplySource(self, request: Any, context: Any) -> pb.Source:  # noqa: N802
        """Creates a source or replaces its declaration."""
        applied = await self._service.apply_source(
            current_principal(), request.source.declaration, dict(client_metadata())
        )
        return source_to_proto(applied, language_of(context))

    async def GetSource(self, request: Any, context: Any) -> pb.Source:  # noqa: N802
        """Gets a source."""
        return source_to_proto(await self._service.get_source(source_id(request.name)), language_of(context))

    async def ListSources(self, request: Any, context: Any) -> pb.ListSourcesResponse:  # noqa: N802
        """Lists sources by name."""
        after = read_token(request.page_token, (str,))[0] if request.page_token else ""
        page, following = await self._service.list_sources(
            after, page_size(request.page_size, default=50, most=1000)
        )
        language = language_of(context)
        return pb.ListSourcesResponse(
            sources=[source_to_proto(source, language) for source in page],
            next_page_token=write_token([following]) if following else "",
        )

    async def RunSource(self, request: Any, context: Any) -> pb.SourceRun:  # noqa: N802
        """Starts a run."""
        run = await self._service.run_source(
            current_principal(),
            source_id(request.name),
            request_id=request.request_id,
            full=request.full,
            trace=dict(client_metadata()),
        )
        return run_to_proto(run, language_of(context))

    async def GetSourceRun(self, request: Any, context: Any) -> pb.SourceRun:  # noqa: N802
        """Gets a run."""
        return run_to_proto(
            await self._service.get_source_run(*source_run_id(request.name)), language_of(context)
        )

    async def ListSourceRuns(self, request: Any, context: Any) -> pb.ListSourceRunsResponse:  # noqa: N802
        """Lists runs, newest first."""
        page, following = await self._service.list_source_runs(
            None if request.parent == "sources/-" else source_id(request.parent, "parent"),
            read_token(request.page_token, (str,))[0] if request.page_token else None,
            page_size(request.page_size, default=50, most=1000),
        )
        language = language_of(context)
        return pb.ListSourceRunsResponse(
            source_runs=[run_to_proto(run, language) for run in page],
            next_page_token=write_token([following]) if following else "",
        )

    async def CancelSourceRun(self, request: Any, context: Any) -> pb.SourceRun:  # noqa: N802
        """Ends a run before its time."""
        run = await self._service.cancel_source_run(current_principal(), *source_run_id(request.name))
        return run_to_proto(run, language_of(context))

    async def RetrySourceRun(self, request: Any, context: Any) -> pb.SourceRun:  # noqa: N802
        """Takes up a failed or cancelled run."""
        run = await self._service.retry_source_run(
            current_principal(), *source_run_id(request.name), dict(client_metadata())
        )
        return run_to_proto(run, language_of(context))
