"""Reads topics for as long as their runs last: read a batch, validate, commit, and again."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ingest_service.clients.catalog import Catalog
from ingest_service.domain.contract import Declaration
from ingest_service.domain.names import new_id
from ingest_service.domain.position import Position
from ingest_service.domain.source import SourceDeclaration
from ingest_service.domain.source_declaration import check_feeds, parse_source
from ingest_service.domain.source_run import SourceRun, SourceRunState
from ingest_service.domain.submission import RuleCount, Severity
from ingest_service.engine.job import Report, ValidationJob, ValidationLimits
from ingest_service.errors import ContractError, RejectedChunkError
from ingest_service.executor.topics import Topics, TopicStream
from ingest_service.executor.validator import Validator
from ingest_service.extract.topics.job import Batch
from ingest_service.metrics import SOURCE_LAG, SOURCE_LOST, SOURCE_ROWS, SOURCE_RUNS, TOPIC_FAILURES
from ingest_service.service.outcomes import LASTING, number, rejected_text
from ingest_service.storage.source_ports import SourceRunChange, SourceStore
from ingest_service.storage.source_tables import Progress
from ingest_service.storage.tables import TableStore, table_schema
from ingest_service.storage.topic_tables import TopicState, TopicTables
from ingest_service.storage.workspace import Workspace
from lake import OvertakenError
from servicekit.errors import LumbungError, Text
from servicekit.telemetry import get_logger, tracer

__all__ = ["TopicRunService"]

_log = get_logger(__name__)
_tracer = tracer("ingest_service")
_WATCH_SECONDS = 0.5
_PARKED_SECONDS = 2.0
_NOTED_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 30.0

_T = TypeVar("_T")


class _EndedError(Exception):
    """The run is to end, or has."""

    def __init__(self, state: SourceRunState, message: Text | None = None) -> None:
        super().__init__(state)
        self.state, self.message = state, message


class _ParkedError(Exception):
    """Another process has taken the run."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A run that this process holds."""

    run: SourceRun
    holder: str
    source: SourceDeclaration


@dataclass
class _Told:
    """What was last told of a run, and when."""

    catalog: float = 0.0
    snapshot_id: int | None = None
    noted: float = 0.0
    failures: int = 0
    lost: int = 0


class TopicRunService:
    """Keeps runs of topics going. However often a process dies, each message is in the dataset or its quarantine once.

    How far a topic has been read is asked of the dataset's own commits; each commit is made only if nobody else has
    committed since it was asked.
    """

    def __init__(
        self,
        sources: SourceStore,
        tables: TableStore,
        topic_tables: TopicTables,
        catalog: Catalog,
        topics: Topics,
        validator: Validator,
        workspace: Workspace,
        limits: ValidationLimits,
        *,
        catalog_seconds: float,
    ) -> None:
        self._sources, self._tables, self._topic_tables = sources, tables, topic_tables
        self._catalog, self._topics, self._validator = catalog, topics, validator
        self._workspace, self._limits, self._catalog_seconds = workspace, limits, catalog_seconds

    async def process_run(self, run_id: str) -> None:
        """Reads the topic of a run until the run ends; one that has ended is left alone.

        Gives up only what another try cannot change; whatever else fails is tried again, later and later.
        """
        holder, told = new_id(), _Told()
        while not await self._tried(run_id, holder, told):  # noqa: ASYNC110 - other processes change it
            await asyncio.sleep(
                min(2.0 ** (told.failures - 1), _LONGEST_WAIT_SECONDS) if told.failures else 0
            )

    async def _tried(self, run_id: str, holder: str, told: _Told) -> bool:
        """Whether the run is over for this process."""
        source = ""
        try:
            run = await self._sources.get_source_run(run_id)
            if run is None or run.state.is_final:
                return True
            source = run.source
            await self._read(run, holder, told)
        except OvertakenError as error:
            _log.warning("another process read the topic on", run=run_id, cause=str(error))
            return False
        except Exception as error:  # noqa: BLE001 - logged, counted, and tried again
            told.failures += 1
            _log.warning("reading a topic failed; it is tried again", run=run_id, exc_info=error)
            reason = error.stable_reason if isinstance(error, LumbungError) else "INTERNAL"
            TOPIC_FAILURES.labels(source, reason).inc()
            with contextlib.suppress(Exception):
                await self._sources.change_run(run_id, SourceRunChange(message=_again(error)))
            return False
        finally:
            _forget_lag(source)
        return True

    async def _read(self, run: SourceRun, holder: str, told: _Told) -> None:
        """Reads until the run is over for this process; raises what another try may change."""
        try:
            await self._hold(run, holder, told)
        except _EndedError as ended:
            await self._end(run.run, ended.state, ended.message)
        except _ParkedError:
            await self._park(run.run, holder)
        except OvertakenError:
            raise
        except LumbungError as error:
            if error.code not in LASTING:
                raise
            await self._fail(run.run, error)

    async def _hold(self, run: SourceRun, holder: str, told: _Told) -> None:
        source = parse_source(await self._sources.get_declaration(run.source, run.revision))
        if run.holder != holder:
            # Whoever wrote its name last reads; an earlier one sees it and stops.
            run = await self._sources.change_run(
                run.run,
                SourceRunChange(
                    state=SourceRunState.RUNNING,
                    holder=holder,
                    message=Text(en="Reads the topic.", id="Membaca topik."),
                    start_time=run.start_time or datetime.now(UTC),
                ),
            )
        work = _Work(run, holder, source)
        await self._require_wanted(work)
        declaration, _revision = await self._catalog.get_declaration(run.dataset)
        check_feeds(source, declaration.contract)
        state = await self._topic_tables.state(run.dataset, run.source)
        kafka = source.stream
        known = state.position
        if known is not None and (known.topic, known.generation) != (kafka.topic, kafka.generation):
            known = None
        if run.position_before is None and known is not None:
            await self._sources.change_run(run.run, SourceRunChange(position_before=str(known)))
        async with self._topics.open(source, known) as stream:
            try:
                while True:
                    state = await self._do_batch(work, stream, state, told)
            finally:
                # The catalog is told of the last commit, too.
                if (
                    state.snapshot_id is not None
                    and state.snapshot_id != told.snapshot_id
                    and state.run == run.run
                ):
                    with contextlib.suppress(LumbungError):
                        await self._tell(work, declaration, state, told)

    async def _do_batch(self, work: _Work, stream: TopicStream, state: TopicState, told: _Told) -> TopicState:
        run = work.run
        with self._workspace.folder(run.run, "rows", "out") as folder:
            upto = state.pending.offsets if state.pending is not None else None
            batch = await self._watched(work, stream.read(folder / "rows", upto))
            _show_lag(run.source, batch)
            if batch.lost > told.lost:
                SOURCE_LOST.labels(run.source).inc(batch.lost - told.lost)
                _log.warning("messages were gone before they were read", source=run.source, lost=batch.lost)
                told.lost = batch.lost
            kafka = work.source.stream
            position = Position(kafka.topic, batch.topic_id, kafka.generation, batch.offsets)
            begun = state.position is None or state.position.generation != kafka.generation
            begun = begun or (state.position is not None and state.position.topic != kafka.topic)
            if batch.messages == 0 and not begun and state.pending is None:
                await self._note(work, batch, told)
                return state
            with _tracer.start_as_current_span("topic batch") as span:
                span.set_attribute("lumbung.source", run.source)
                span.set_attribute("lumbung.messages", batch.messages)
                declaration, _revision = await self._catalog.get_declaration(run.dataset)
                report = await self._validate(run, declaration, folder) if batch.messages else None
                before = state.progress if state.run == run.run else Progress()
                progress = _advanced(before, batch, report, str(position))
                await self._require_wanted(work)
                done = await self._topic_tables.commit(declaration, run, report, state, position, progress)
                if report is not None:
                    SOURCE_ROWS.labels("published").inc(report.rows_good)
                    SOURCE_ROWS.labels("quarantined").inc(report.rows_bad)
                told.failures = 0
                if time.monotonic() - told.catalog >= self._catalog_seconds:
                    await self._tell(work, declaration, done, told)
                await self._keep(work, done, batch, told)
        return done

    async def _validate(self, run: SourceRun, declaration: Declaration, folder: Path) -> Report:
        field_ids, quarantine_ids = await self._tables.field_ids(declaration)
        job = ValidationJob(
            file=folder / "rows",
            out=folder / "out",
            dataset=run.dataset,
            submission=run.run,
            contract=declaration.contract,
            field_ids=field_ids,
            quarantine_ids=quarantine_ids,
            found_time=datetime.now(UTC).isoformat(timespec="microseconds"),
            may_publish_nothing=True,
            limits=self._limits,
        )
        report = await self._validator.validate(job)
        if report.contract_error is not None:
            en, indonesian = report.contract_error
            raise ContractError(Text(en=en, id=indonesian))
        if report.rejected:
            raise RejectedChunkError(rejected_text(report))
        return report

    async def _watched(self, work: _Work, reading: Awaitable[_T]) -> _T:
        """What is read, unless the run is to end before."""
        task = asyncio.ensure_future(reading)
        try:
            while not (await asyncio.wait({task}, timeout=_WATCH_SECONDS))[0]:
                await self._require_wanted(work)
            return await task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    async def _require_wanted(self, work: _Work) -> None:
        run = await self._sources.get_source_run(work.run.run)
        if run is None or run.state.is_final:
            raise _ParkedError
        if run.cancel_requested:
            raise _EndedError(SourceRunState.CANCELLED)
        if run.holder != work.holder:
            raise _ParkedError
        source = await self._sources.get_source(run.source)
        if source is not None and source.revision != run.revision:
            goes_on = Text(
                en=f"Goes on with revision {source.revision} of the source.",
                id=f"Dilanjutkan dengan revisi {source.revision} dari sumber.",
            )
            raise _EndedError(SourceRunState.SUCCEEDED, goes_on)

    async def _park(self, run_id: str, holder: str) -> None:
        """Waits as long as another process has the run, so that the work stays queued for whoever is left."""
        _log.warning("another process has taken a run", run=run_id, holder=holder)
        while (run := await self._sources.get_source_run(run_id)) is not None and not run.state.is_final:  # noqa: ASYNC110 - other processes change it
            await asyncio.sleep(_PARKED_SECONDS)

    async def _note(self, work: _Work, batch: Batch, told: _Told) -> None:
        """Now and then also of a topic that is quiet."""
        if time.monotonic() - told.noted < _NOTED_SECONDS:
            return
        told.noted = time.monotonic()
        await self._sources.change_run(
            work.run.run, SourceRunChange(message=_reading(batch), lag=dict(batch.lag))
        )

    async def _keep(self, work: _Work, done: TopicState, batch: Batch, told: _Told) -> None:
        progress = done.progress
        told.noted = time.monotonic()
        await self._sources.change_run(
            work.run.run,
            SourceRunChange(
                message=_reading(batch),
                rows=(progress.rows_read, progress.rows_good, progress.rows_bad, 0),
                bytes_read=progress.bytes_read,
                commits=progress.commits,
                position_after=str(done.position),
                rule_counts=progress.rule_counts,
                snapshot_id=done.snapshot_id,
                lag=dict(batch.lag),
            ),
        )

    async def _tell(self, work: _Work, declaration: Declaration, done: TopicState, told: _Told) -> None:
        if done.snapshot_id is None:
            return
        await self._catalog.record_source_commit(
            work.run.dataset,
            done.snapshot_id,
            rows=done.rows_total,
            source=work.run.source,
            label=work.source.display_name.en,
            run=work.run.run,
            schema=table_schema(declaration),
            control_totals={},
        )
        told.catalog, told.snapshot_id = time.monotonic(), done.snapshot_id

    async def _fail(self, run_id: str, error: LumbungError) -> None:
        _log.error("run of a topic failed", run=run_id, exc_info=error)
        said = Text(en=error.sentence("en"), id=error.sentence("id"))
        await self._end(run_id, SourceRunState.FAILED, said, error.stable_reason)

    async def _end(
        self, run_id: str, state: SourceRunState, message: Text | None = None, reason: str | None = None
    ) -> None:
        change = SourceRunChange(
            state=state, message=message, end_time=datetime.now(UTC), error_reason=reason
        )
        await self._sources.change_run(run_id, change)
        SOURCE_RUNS.labels(state.value).inc()


def _again(error: Exception) -> Text:
    said = Text(en="The platform failed.", id="Sistem gagal.")
    if isinstance(error, LumbungError):
        said = Text(en=error.sentence("en"), id=error.sentence("id"))
    return Text(en=f"Will be tried again. {said.en}", id=f"Akan dicoba lagi. {said.id}")


def _show_lag(source: str, batch: Batch) -> None:
    for partition, lag in batch.lag.items():
        SOURCE_LAG.labels(source, str(partition)).set(lag)


def _forget_lag(source: str) -> None:
    """Of a topic that this process does not read any more."""
    SOURCE_LAG.remove_by_labels({"source": source})


def _reading(batch: Batch) -> Text:
    left = number(sum(batch.lag.values()))
    if batch.problem:
        return Text(en=f"Waits for the broker: {batch.problem}", id=f"Menunggu broker: {batch.problem}")
    return Text(en=f"Reads; {left.en} messages to go.", id=f"Membaca; {left.id} pesan tersisa.")


def _advanced(before: Progress, batch: Batch, report: Report | None, position: str) -> Progress:
    progress = replace(
        before,
        # For people; what counts stands in entries of its own, however many partitions there are.
        position=position[:1000],
        bytes_read=before.bytes_read + batch.bytes,
        commits=before.commits + 1,
    )
    if report is None:
        return progress
    counts = {(count.rule, count.severity): count.rows for count in before.rule_counts}
    for found in report.rule_counts:
        key = (found.rule, Severity(found.severity))
        counts[key] = counts.get(key, 0) + found.rows
    return replace(
        progress,
        rows_read=before.rows_read + report.rows_read,
        rows_good=before.rows_good + report.rows_good,
        rows_bad=before.rows_bad + report.rows_bad,
        rule_counts=tuple(RuleCount(rule, severity, rows) for (rule, severity), rows in counts.items()),
    )
