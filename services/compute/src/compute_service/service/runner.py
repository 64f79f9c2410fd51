"""Works one run off: plan, tasks, expectations, commits, lineage. May be begun again at any point."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from compute_service.domain.contract import SinkContract, parse_contract
from compute_service.domain.decisions import decision_from_words, decision_words, is_unfiltered
from compute_service.domain.declaration import ExpressionCheck, parse_pipeline
from compute_service.domain.pipeline import Pipeline
from compute_service.domain.plan import plan_pipeline
from compute_service.domain.runs import FINAL, Outcome, Run, RunState
from compute_service.errors import RunFailedError
from compute_service.ports.outside import (
    Catalog,
    ExecutorUnavailableError,
    RunTables,
    TaskExecutor,
    TaskSession,
)
from compute_service.ports.stores import RunStore
from compute_service.service.commits import commit_sinks
from compute_service.service.job import Job
from lake import system_decision
from servicekit.errors import LumbungError, Text, UnavailableError
from servicekit.telemetry import extract_context, get_logger, tracer

__all__ = ["RunLimits", "Runner"]

_log = get_logger(__name__)
_tracer = tracer("compute_service.service")
_WATCH_SECONDS = 0.5
#: Kinds of errors after which the same work may succeed.
_PASSING = frozenset({"UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED"})


class _CancelledError(Exception):
    """Somebody asked to end the run."""


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How a run is cut and how patient it is. Seconds.

    A partition of `rows_per_partition` is held in memory, one of `streamed_rows_per_partition` (aggregates) is not.
    """

    rows_per_partition: int = 1_000_000
    streamed_rows_per_partition: int = 2_000_000
    attempts: int = 5
    retry_seconds: float = 2.0
    max_run_seconds: float = 6 * 3600.0


class Runner:
    """Executes runs."""

    def __init__(
        self,
        runs: RunStore,
        tables: RunTables,
        catalog: Catalog,
        executor: TaskExecutor,
        check_expression: ExpressionCheck,
        limits: RunLimits,
    ) -> None:
        self._runs, self._tables, self._catalog = runs, tables, catalog
        self._executor, self._check, self._limits = executor, check_expression, limits

    async def execute_run(self, name: str) -> None:
        """Works a run off to its end, unless it has ended or another process holds it.

        An end of this process leaves the run as it stands; whoever starts next takes it up.
        """
        async with self._runs.claim(name) as mine:
            run = await self._runs.get_run(name) if mine else None
            if run is None or run.state in FINAL:
                return
            with _tracer.start_as_current_span(f"run {run.pipeline}", context=extract_context(run.trace)):
                await self._work(run)

    async def _work(self, run: Run) -> None:
        try:
            async with asyncio.timeout(self._limits.max_run_seconds):
                await self._attempts(run)
        except _CancelledError:
            await self._end(run, RunState.CANCELLED, Text(en="Cancelled.", id="Dibatalkan."))
        except TimeoutError:
            hours = self._limits.max_run_seconds / 3600
            await self._end(
                run,
                RunState.FAILED,
                Text(en=f"Took longer than {hours:g} hours.", id=f"Melebihi {hours:g} jam."),
            )
        except LumbungError as error:
            await self._end(run, RunState.FAILED, Text(en=error.sentence("en"), id=error.sentence("id")))
        except Exception as error:  # noqa: BLE001 - the run gets a general text, the log gets the rest
            _log.error("run failed unexpectedly", run=run.run, exc_info=error)
            trace = run.trace_id
            await self._end(
                run,
                RunState.FAILED,
                Text(
                    en=f"The platform failed. Tell the platform team the trace id {trace}.",
                    id=f"Sistem gagal. Sampaikan id jejak {trace} kepada tim platform.",
                ),
            )
        await self._clear(run.run)

    async def _attempts(self, run: Run) -> None:
        pause = self._limits.retry_seconds
        for attempt in range(1, self._limits.attempts + 1):
            try:
                await self._attempt(await self._begin(run))
            except (ExecutorUnavailableError, LumbungError) as error:
                passing = isinstance(error, ExecutorUnavailableError) or error.code in _PASSING
                if not passing or attempt == self._limits.attempts:
                    raise _given_up(error) from error
                cause = _cause(error)
                _log.warning("run is tried again", run=run.run, attempt=attempt, cause=cause.en)
                # The store of runs may be what is away.
                with suppress(UnavailableError):
                    await self._runs.add_log(
                        run.run,
                        "WARNING",
                        Text(
                            en=f"Again in {pause:g} s: {cause.en}",
                            id=f"Diulang dalam {pause:g} detik: {cause.id}",
                        ),
                    )
                await asyncio.sleep(pause)
                pause = min(pause * 2, 30.0)
            else:
                return

    async def _begin(self, run: Run) -> Run:
        present = await self._runs.get_run(run.run) or run
        if present.attempt >= self._limits.attempts * 2:
            # The work ends its process each time: somebody has to look at it.
            raise RunFailedError(
                Text(
                    en=f"Begun {present.attempt} times without an end.",
                    id=f"Dimulai {present.attempt} kali tanpa selesai.",
                ),
                Text(en="Tell the platform team.", id="Hubungi tim platform."),
            )
        changed = await self._runs.update_run(
            run.run,
            state=RunState.RUNNING,
            attempt=present.attempt + 1,
            start_time=run.start_time or datetime.now(UTC),
            tasks_done=0,
        )
        if changed is None or changed.cancel_requested:
            raise _CancelledError
        return changed

    async def _attempt(self, run: Run) -> None:
        pipeline = parse_pipeline(run.declaration, self._check)
        plan = plan_pipeline(pipeline)
        decisions = self._decisions(run, pipeline)
        if run.inputs is None:
            inputs = {
                item.name: await self._tables.pin(
                    item.dataset, decision_from_words(decisions[item.dataset]), item.as_of
                )
                for item in pipeline.inputs
            }
            run = await self._runs.update_run(run.run, inputs=inputs) or run
            await self._runs.add_log(run.run, "INFO", _pinned(pipeline, inputs))
        run = replace(run, inputs=run.inputs or {})
        contracts, texts = await self._contracts(pipeline)
        job = Job(run, pipeline, plan, decisions, texts)
        async with self._executor.open(run.run) as session:
            parts = await self._run_partitions(job, session)
            finished = await self._run_finish(job, session, parts)
        outcomes = tuple(Outcome(a, b, c, Text(en=d, id=e)) for a, b, c, d, e in finished["expectations"])
        rows_read = sum(part["rows_read"] for part in parts) + finished["rows_read"]
        await self._runs.update_run(run.run, expectations=outcomes, rows_read=rows_read)
        await self._hold(run, outcomes)
        sinks: dict[str, list[dict[str, Any]]] = dict(finished["sinks"])
        for part in parts:
            for dataset, words in part["sinks"].items():
                sinks.setdefault(dataset, []).append(words)
        for dataset in plan.written:
            sinks.setdefault(dataset, [])
        if (await self._begin_check(run)).cancel_requested:
            raise _CancelledError
        commits = await commit_sinks(self._tables, self._catalog, run, pipeline, contracts, sinks)
        for dataset, (snapshot, rows) in commits.items():
            await self._runs.add_log(
                run.run, "INFO", Text(en=f"{dataset}: {rows} rows committed as snapshot {snapshot}.",
                                      id=f"{dataset}: {rows} baris diterbitkan sebagai snapshot {snapshot}."),
            )  # fmt: skip
        await self._end(
            run,
            RunState.SUCCEEDED,
            Text(en="Committed.", id="Diterbitkan."),
            rows_written={dataset: rows for dataset, (_, rows) in commits.items()},
            snapshots=[
                f"datasets/{dataset}/snapshots/{snapshot}" for dataset, (snapshot, _) in commits.items()
            ],
        )

    async def _begin_check(self, run: Run) -> Run:
        found = await self._runs.get_run(run.run)
        if found is None or found.state in FINAL:
            raise _CancelledError
        return found

    def _decisions(self, run: Run, pipeline: Pipeline) -> dict[str, dict[str, Any]]:
        """The caller's decision where it filters, else the platform's own, bound to this run."""
        found = {}
        for dataset in pipeline.source_datasets:
            decision = decision_from_words(run.decisions[dataset])
            if is_unfiltered(decision):
                decision = system_decision(dataset, run_id=run.run)
            found[dataset] = decision_words(decision)
        return found

    async def _contracts(self, pipeline: Pipeline) -> tuple[dict[str, SinkContract], dict[str, str]]:
        contracts, texts = {}, {}
        for dataset in pipeline.sink_datasets:
            facts = await self._catalog.get_dataset(dataset)
            try:
                contract = parse_contract(dataset, facts.declaration)
            except ValueError as error:
                raise RunFailedError(
                    Text(en=f"Sink {dataset}: {error}.", id=f"Tujuan {dataset}: {error}."),
                    Text(en="Correct the dataset's contract.", id="Perbaiki kontrak dataset."),
                ) from error
            await self._tables.ensure(dataset, contract.schema(), "")
            contracts[dataset], texts[dataset] = contract, facts.declaration
        return contracts, texts

    async def _run_partitions(self, job: Job, session: TaskSession) -> list[dict[str, Any]]:
        partitioning = job.pipeline.partition
        pieces: list[dict[str, Any]] = []
        if partitioning is not None:
            declared = job.pipeline.input(partitioning.input)
            assert declared is not None  # noqa: S101 - checked when it was parsed
            decision = job.decisions[declared.dataset]
            snapshot = (job.run.inputs or {})[declared.name]
            limits = self._limits
            rows = limits.streamed_rows_per_partition if job.plan.streamed else limits.rows_per_partition
            pieces = await self._tables.partitions(
                declared.dataset, decision_from_words(decision), snapshot, rows
            )
            tasks = [job.partition_task(index, piece, decision) for index, piece in enumerate(pieces)]
        else:
            tasks = []
        await self._runs.update_run(job.run.run, tasks_total=len(tasks) + 1)
        await self._runs.add_log(
            job.run.run, "INFO", Text(en=f"{len(tasks)} partition task(s) and one to finish.",
                                      id=f"{len(tasks)} tugas partisi dan satu penutup."),
        )  # fmt: skip
        return await self._collect(job.run, session, tasks, 0)

    async def _run_finish(
        self, job: Job, session: TaskSession, parts: list[dict[str, Any]]
    ) -> dict[str, Any]:
        results = await self._collect(job.run, session, [job.finish_task(parts)], len(parts))
        return results[0]

    async def _collect(
        self, run: Run, session: TaskSession, tasks: list[dict[str, Any]], done_before: int
    ) -> list[dict[str, Any]]:
        """Results of tasks in their order, while somebody watches for a wish to cancel."""
        if not tasks:
            return []
        results: dict[int, dict[str, Any]] = {}

        async def gather() -> None:
            async with aclosing(session.run_tasks(run.run, tasks)) as found:  # type: ignore[type-var]
                async for index, result in found:
                    if failure := result.get("failure"):
                        raise _failed(failure)
                    results[index] = result
                    await self._runs.update_run(run.run, tasks_done=done_before + len(results))

        work = asyncio.create_task(gather())
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=_WATCH_SECONDS)
                found = await self._runs.get_run(run.run)
                if found is None or found.cancel_requested:
                    raise _CancelledError
            await work
        finally:
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        return [results[index] for index in range(len(tasks))]

    async def _hold(self, run: Run, outcomes: tuple[Outcome, ...]) -> None:
        """Writes outcomes into the log; RunFailedError when one of severity error does not hold."""
        for outcome in outcomes:
            level = "INFO" if outcome.passed else outcome.severity.upper()
            await self._runs.add_log(
                run.run,
                level,
                Text(
                    en=f"{outcome.expectation}: {outcome.message.en}",
                    id=f"{outcome.expectation}: {outcome.message.id}",
                ),
            )
        broken = [outcome for outcome in outcomes if not outcome.passed and outcome.severity == "error"]
        if broken:
            names = ", ".join(outcome.expectation for outcome in broken)
            raise RunFailedError(
                Text(
                    en=f"Nothing was committed: {names} does not hold. {broken[0].message.en}",
                    id=f"Tidak ada yang diterbitkan: {names} tidak terpenuhi. {broken[0].message.id}",
                ),
                Text(en="See the run's log.", id="Lihat log run ini."),
            )

    async def _end(self, run: Run, state: RunState, message: Text, **changes: Any) -> None:
        level = "INFO" if state is RunState.SUCCEEDED else "ERROR" if state is RunState.FAILED else "WARNING"
        await self._runs.add_log(run.run, level, message)
        await self._runs.update_run(
            run.run, state=state, message=message, end_time=datetime.now(UTC), **changes
        )

    async def _clear(self, run: str) -> None:
        try:
            await self._tables.clear(run)
        except LumbungError as error:
            _log.warning("what a run handed on is left behind", run=run, cause=str(error))


def _failed(words: dict[str, Any]) -> RunFailedError:
    remedy = Text(en=words["remedy"][0], id=words["remedy"][1]) if words["remedy"] else None
    return RunFailedError(
        Text(en=words["message"][0], id=words["message"][1]), remedy, metadata=words["metadata"]
    )


def _cause(error: Exception) -> Text:
    if isinstance(error, LumbungError):
        return Text(en=error.message.en[:500], id=error.message.id[:500])
    return Text(en=str(error)[:300], id=str(error)[:300])


def _given_up(error: Exception) -> LumbungError:
    if isinstance(error, LumbungError):
        return error
    cause = _cause(error).en
    return RunFailedError(
        Text(
            en=f"The cluster could not do the work: {cause}",
            id=f"Klaster tidak dapat mengerjakannya: {cause}",
        ),
        Text(en="Try again later.", id="Coba lagi nanti."),
    )


def _pinned(pipeline: Pipeline, inputs: Mapping[str, int | None]) -> Text:
    listed = ", ".join(f"{item.dataset}@{inputs[item.name] or '-'}" for item in pipeline.inputs)
    return Text(en=f"Reads {listed}.", id=f"Membaca {listed}.")
