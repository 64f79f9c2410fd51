"""The use cases of pipelines and of asking for runs."""

import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from compute_service.domain.decisions import decision_words
from compute_service.domain.declaration import ExpressionCheck, parse_pipeline
from compute_service.domain.pipeline import Pipeline
from compute_service.domain.runs import FINAL, LogLine, Run, RunState, StoredPipeline
from compute_service.errors import NotFinishedError, PipelineNotFoundError, RunNotFoundError, SinkDeniedError
from compute_service.ports.outside import Catalog
from compute_service.ports.stores import PipelineStore, RunQueue, RunStore
from compute_service.service.follow import follow_log
from compute_service.service.sight import Sight, hide_line, hide_run
from servicekit.auth import Principal
from servicekit.errors import InvalidArgumentError, Text

__all__ = ["PipelineService"]

MAX_REQUEST_ID = 128


class PipelineService:
    """Declarations and runs."""

    def __init__(
        self,
        pipelines: PipelineStore,
        runs: RunStore,
        queue: RunQueue,
        catalog: Catalog,
        check_expression: ExpressionCheck,
    ) -> None:
        self._pipelines, self._runs, self._queue = pipelines, runs, queue
        self._catalog, self._check = catalog, check_expression
        self._sight = Sight(catalog)

    def parse(self, declaration: str) -> Pipeline:
        """The pipeline of a declaration; DeclarationError says where it is wrong."""
        return parse_pipeline(declaration, self._check)

    async def apply_pipeline(self, declaration: str) -> StoredPipeline:
        """Keeps a declaration under the name that stands in it; DeclarationError says where it is wrong."""
        return await self._pipelines.apply_pipeline(self.parse(declaration).name, declaration)

    async def get_pipeline(self, pipeline: str) -> StoredPipeline:
        """A pipeline; PipelineNotFoundError when there is none."""
        found = await self._pipelines.get_pipeline(pipeline)
        if found is None:
            raise PipelineNotFoundError(
                Text(en=f"There is no pipeline {pipeline}.", id=f"Tidak ada pipeline {pipeline}."),
                Text(en="See the list of pipelines.", id="Lihat daftar pipeline."),
                field="name",
            )
        return found

    async def list_pipelines(self, after: str, limit: int) -> list[StoredPipeline]:
        """A page of pipelines by name, after a name."""
        return await self._pipelines.list_pipelines(after, limit)

    async def run_pipeline(
        self, principal: Principal, pipeline: str, request_id: str, trace: Mapping[str, str], trace_id: str
    ) -> Run:
        """Asks for a run. The same request id of the same caller gives the same run.

        Raises:
            PipelineNotFoundError: no such pipeline.
            SinkDeniedError: the caller may not read every source or not write every sink.
        """
        if len(request_id) > MAX_REQUEST_ID:
            raise InvalidArgumentError(
                Text(en="request_id is too long.", id="request_id terlalu panjang."),
                Text(
                    en=f"Use at most {MAX_REQUEST_ID} characters.",
                    id=f"Paling banyak {MAX_REQUEST_ID} karakter.",
                ),
                field="request_id",
            )
        stored = await self.get_pipeline(pipeline)
        declared = self.parse(stored.declaration)
        decisions = await self._decide(principal, declared)
        now = datetime.now(UTC)
        run = await self._runs.create_run(
            Run(
                pipeline=pipeline,
                run=f"{now:%Y%m%dt%H%M%S}-{secrets.token_hex(4)}",
                state=RunState.PENDING,
                revision=stored.revision,
                declaration=stored.declaration,
                creator=principal.username,
                create_time=now,
                decisions=decisions,
                trace=trace,
                trace_id=trace_id,
                request_id=request_id or None,
            )
        )
        # Also for a run that was there: its process may have died between keeping and queueing.
        if run.state not in FINAL:
            await self._queue.enqueue(run.run)
        return run

    async def get_run(self, principal: Principal, pipeline: str, run: str) -> Run:
        """A run as the caller may see it; RunNotFoundError when there is none."""
        return (await self._shown(principal, [await self._run(pipeline, run)]))[0]

    async def _shown(self, principal: Principal, runs: list[Run]) -> list[Run]:
        full = await self._sight.full(principal, runs)
        return [run if run.run in full else hide_run(run) for run in runs]

    async def _run(self, pipeline: str, run: str) -> Run:
        found = await self._runs.get_run(run)
        if found is None or found.pipeline != pipeline:
            raise RunNotFoundError(
                Text(
                    en=f"Pipeline {pipeline} has no run {run}.",
                    id=f"Pipeline {pipeline} tidak memiliki run {run}.",
                ),
                Text(en="See the list of runs.", id="Lihat daftar run."),
                field="name",
            )
        return found

    async def list_runs(
        self, principal: Principal, pipeline: str | None, after: str, limit: int
    ) -> list[Run]:
        """A page of runs, newest first; None means all pipelines."""
        if pipeline is not None:
            await self.get_pipeline(pipeline)
        return await self._shown(principal, await self._runs.list_runs(pipeline, after, limit))

    async def read_run_log(
        self, principal: Principal, pipeline: str, run: str, *, follow: bool
    ) -> AsyncIterator[LogLine]:
        """Lines of a run's log from the start; with `follow` until the run has ended."""
        full = await self._sight.full(principal, [await self._run(pipeline, run)])
        async for line in follow_log(self._runs, run, follow=follow):
            yield line if full else hide_line(line)

    async def cancel_run(self, principal: Principal, pipeline: str, run: str) -> Run:
        """Ends a run before its time; NotFinishedError when it has ended already."""
        found = await self._run(pipeline, run)
        if found.state is RunState.CANCELLED:
            return found
        changed = await self._runs.update_run(run, cancel_requested=True)
        if changed is None:
            raise NotFinishedError(
                Text(
                    en=f"Run {run} has ended ({found.state}).",
                    id=f"Run {run} sudah berakhir ({found.state}).",
                ),
                Text(en="There is nothing to cancel.", id="Tidak ada yang dapat dibatalkan."),
                field="name",
            )
        by = principal.username
        await self._runs.add_log(
            run, "WARNING", Text(en=f"{by} asked to cancel.", id=f"{by} meminta pembatalan.")
        )
        # Nobody may be at work on it: the knock makes somebody end it.
        await self._queue.enqueue(run)
        return changed

    async def _decide(self, principal: Principal, pipeline: Pipeline) -> dict[str, object]:
        """Decisions to read each source, as words by dataset."""
        sources, sinks = list(pipeline.source_datasets), list(pipeline.sink_datasets)
        reads = await self._catalog.decide(
            principal, [f"datasets/{name}" for name in sources], action="read", door="pipeline",
            detail=f"pipelines/{pipeline.name}",
        )  # fmt: skip
        writes = await self._catalog.decide(
            principal, [f"datasets/{name}" for name in sinks], action="write", door="pipeline",
            detail=f"pipelines/{pipeline.name}",
        )  # fmt: skip
        for verb, kata, names, decisions in (
            ("read", "membaca", sources, reads),
            ("write", "menulis", sinks, writes),
        ):
            refused = [name for name, found in zip(names, decisions, strict=True) if not found.allowed]
            if refused:
                ask = (
                    next((found.ask for found in decisions if found.ask and not found.allowed), "")
                    or "steward-pusat"
                )
                listed = ", ".join(refused)
                raise SinkDeniedError(
                    Text(
                        en=f"{principal.username} may not {verb} {listed}, or it does not exist.",
                        id=f"{principal.username} tidak boleh {kata} {listed}, atau dataset itu tidak ada.",
                    ),
                    Text(en=f"For access ask {ask}.", id=f"Untuk akses hubungi {ask}."),
                    field="name",
                    metadata={"datasets": listed},
                )
        return {name: decision_words(found.read) for name, found in zip(sources, reads, strict=True)}
