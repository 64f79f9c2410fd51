"""Works off one run of a source, chunk by chunk: read, validate, commit, tell the catalog. Every step can be repeated."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from ingest_service.clients.catalog import Catalog
from ingest_service.domain.contract import Contract, Declaration, NumberStyle
from ingest_service.domain.source import SourceDeclaration
from ingest_service.domain.source_declaration import check_feeds, parse_source
from ingest_service.domain.source_run import SourceRun, SourceRunState
from ingest_service.domain.submission import RuleCount, Severity
from ingest_service.engine.job import Report, ValidationJob, ValidationLimits
from ingest_service.errors import ContractError, RejectedChunkError, SourceError
from ingest_service.executor.extraction import Extractor, Wanted
from ingest_service.executor.validator import Validator
from ingest_service.extract.job import Extracted
from ingest_service.metrics import SOURCE_ROWS, SOURCE_RUNS, SOURCE_SECONDS
from ingest_service.service.outcomes import LASTING, number, rejected_text
from ingest_service.storage.source_ports import SourceRunChange, SourceStore
from ingest_service.storage.source_tables import ChunkCommit, Progress, SourceTables
from ingest_service.storage.tables import TableStore, table_schema
from ingest_service.storage.workspace import Workspace
from servicekit.errors import LumbungError, Text
from servicekit.telemetry import current_trace_id, extract_context, get_logger, tracer

__all__ = ["SourceRunService"]

_log = get_logger(__name__)
_tracer = tracer("ingest_service")
_CANCEL_SECONDS = 1.0


class _CancelledError(Exception):
    """Somebody asked the run to end."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A run with what it works by."""

    run: SourceRun
    source: SourceDeclaration
    declaration: Declaration

    @property
    def contract(self) -> Contract:
        return self.declaration.contract

    @property
    def replaces_all(self) -> bool:
        return self.run.full or self.source.database.mode == "full"


class SourceRunService:
    """Brings runs to their end. A crash at any point is healed by calling `process_run` again.

    How far the source has been read is asked of the dataset's own commits, each time: nothing else is believed.
    """

    def __init__(
        self,
        sources: SourceStore,
        tables: TableStore,
        source_tables: SourceTables,
        catalog: Catalog,
        extractor: Extractor,
        validator: Validator,
        workspace: Workspace,
        limits: ValidationLimits,
    ) -> None:
        self._sources, self._tables, self._source_tables = sources, tables, source_tables
        self._catalog, self._extractor, self._validator = catalog, extractor, validator
        self._workspace, self._limits = workspace, limits

    async def process_run(self, run_id: str, *, last_attempt: bool = False) -> None:
        """Works off a run; one that has ended is left alone.

        Raises whatever may pass by itself, so that the queue tries again; on the last attempt the run fails.
        """
        run = await self._sources.get_source_run(run_id)
        if run is None or run.state.is_final:
            return
        with _tracer.start_as_current_span("ProcessSourceRun", context=extract_context(run.trace)) as span:
            span.set_attribute("lumbung.source", run.source)
            span.set_attribute("lumbung.run", run_id)
            try:
                ended = await self._work(run)
            except _CancelledError:
                ended = await self._end(run_id, SourceRunState.CANCELLED)
            except LumbungError as error:
                if error.code not in LASTING and not last_attempt:
                    await self._sources.change_run(run_id, SourceRunChange(message=_later(error)))
                    raise
                ended = await self._fail(run_id, error)
            except Exception as error:
                if not last_attempt:
                    raise
                ended = await self._fail(run_id, error)
            span.set_attribute("lumbung.state", ended.state.value)
        SOURCE_RUNS.labels(ended.state.value).inc()
        SOURCE_SECONDS.observe((datetime.now(UTC) - run.create_time).total_seconds())

    async def _work(self, run: SourceRun) -> SourceRun:
        source = parse_source(await self._sources.get_declaration(run.source, run.revision))
        declaration, _revision = await self._catalog.get_declaration(run.dataset)
        check_feeds(source, declaration.contract)
        run = await self._sources.change_run(
            run.run,
            SourceRunChange(
                state=SourceRunState.RUNNING,
                message=Text(en="Reads the source.", id="Membaca sumber."),
                start_time=run.start_time or datetime.now(UTC),
            ),
        )
        done = await self._source_tables.newest(run.dataset, run.source)
        own = done is not None and done.run == run.run
        if not own and done is not None and run.position_before is None and done.progress.position:
            run = await self._sources.change_run(
                run.run, SourceRunChange(position_before=done.progress.position)
            )
        work = _Work(run, source, declaration)
        if own and done is not None:
            # Told once more: the process may have died before it could.
            work = await self._tell(work, done)
        progress = done.progress if own and done is not None else Progress(position=_position(done))
        while not (own and progress.last):
            work, committed = await self._do_chunk(work, progress, first=not own)
            if committed is None:
                break
            own, progress = True, committed.progress
        return await self._succeed(work, progress)

    async def _do_chunk(
        self, work: _Work, before: Progress, *, first: bool
    ) -> tuple[_Work, ChunkCommit | None]:
        """One chunk; None when there was nothing to commit, and so nothing more to read."""
        with self._workspace.folder(work.run.run, "rows", "keys", "out", "keys-out") as folder:
            with _tracer.start_as_current_span("read source"):
                chunk = await self._extract(work, before, folder, first=first)
            if work.run.ceiling is None and chunk.ceiling is not None:
                run = await self._sources.change_run(work.run.run, SourceRunChange(ceiling=chunk.ceiling))
                work = replace(work, run=run)
            report = await self._validate(work, chunk, folder)
            deleted = await self._vanished(work, chunk, folder)
            gone = 0 if deleted is None else deleted.height
            if chunk.rows == 0 and gone == 0:
                if work.replaces_all:
                    raise _nothing(work)
                return work, None
            progress = _advanced(before, chunk, report, gone)
            await self._require_wanted(work.run.run)
            with _tracer.start_as_current_span("commit"):
                committed = await self._source_tables.commit(
                    work.declaration,
                    work.run,
                    report,
                    progress,
                    replace_all=work.replaces_all,
                    deleted=deleted,
                )
            SOURCE_ROWS.labels("published").inc(report.rows_good)
            SOURCE_ROWS.labels("quarantined").inc(report.rows_bad)
            SOURCE_ROWS.labels("deleted").inc(gone)
        return await self._tell(work, committed), committed

    async def _extract(self, work: _Work, before: Progress, folder: Path, *, first: bool) -> Extracted:
        contract = work.contract
        names = [c.file_column for c in contract.columns if c.file_column is not None]
        keys = [c.file_column for c in contract.columns if c.key and c.file_column is not None]
        wanted = Wanted(
            columns=list(dict.fromkeys(names)),
            key_columns=keys if work.source.database.deletes is not None and not work.replaces_all else [],
            position=before.position,
            ceiling=work.run.ceiling,
            again=first,
            everything=work.replaces_all,
            out=folder / "rows",
            keys_out=folder / "keys",
        )
        reading = asyncio.create_task(self._extractor.extract(work.source, wanted))
        watching = asyncio.create_task(self._watch(work.run.run))
        try:
            await asyncio.wait({reading, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                await watching
            return await reading
        finally:
            for task in (reading, watching):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    async def _watch(self, run_id: str) -> None:
        while True:
            await self._require_wanted(run_id)
            await asyncio.sleep(_CANCEL_SECONDS)

    async def _require_wanted(self, run_id: str) -> None:
        run = await self._sources.get_source_run(run_id)
        if run is None or run.cancel_requested or run.state.is_final:
            raise _CancelledError

    async def _validate(self, work: _Work, chunk: Extracted, folder: Path) -> Report:
        if chunk.rows == 0:
            return Report(rejected=False)
        report = await self._check(
            work, folder / "rows", folder / "out", _contract(work.contract, chunk.plain)
        )
        if report.rejected:
            raise RejectedChunkError(rejected_text(report))
        return report

    async def _check(self, work: _Work, rows: Path, out: Path, contract: Contract) -> Report:
        field_ids, quarantine_ids = await self._tables.field_ids(work.declaration)
        job = ValidationJob(
            file=rows,
            out=out,
            dataset=work.run.dataset,
            submission=work.run.run,
            contract=contract,
            field_ids=field_ids,
            quarantine_ids=quarantine_ids,
            found_time=datetime.now(UTC).isoformat(timespec="microseconds"),
            may_publish_nothing=not work.replaces_all,
            limits=self._limits,
        )
        with _tracer.start_as_current_span("validation process"):
            report = await self._validator.validate(job)
        if report.contract_error is not None:
            en, indonesian = report.contract_error
            raise ContractError(Text(en=en, id=indonesian))
        return report

    async def _vanished(self, work: _Work, chunk: Extracted, folder: Path) -> pl.DataFrame | None:
        """Keys of the dataset that the source no longer has, once all its keys are known."""
        deletes = work.source.database.deletes
        if deletes is None or work.replaces_all or not chunk.last:
            return None
        contract = _contract(work.contract, chunk.plain)
        keys = contract.model_copy(
            update={
                "columns": tuple(column for column in contract.columns if column.key),
                "key": contract.key.model_copy(update={"on_repeat": "keep_first"}),
                "rules": (),
                "control_totals": (),
                "provenance": None,
                "publish": None,
            }
        )
        if not any((folder / "keys").iterdir()):
            raise _nothing(work)
        report = await self._check(work, folder / "keys", folder / "keys-out", keys)
        files = [part.path for part in report.good]
        gone = await self._source_tables.vanished(work.run.dataset, work.run.run, files, contract.key_columns)
        known = gone.height + report.rows_good
        if gone.height > deletes.max_share * known:
            raise SourceError(
                Text(
                    en=f"{number(gone.height).en} of {number(known).en} keys are gone from the source: more than deletes.max_share allows.",
                    id=f"{number(gone.height).id} dari {number(known).id} kunci hilang dari sumber: melebihi deletes.max_share.",
                ),
                Text(
                    en="Look at the source; if it is right, raise max_share or run it in full.",
                    id="Periksa sumbernya; bila benar, naikkan max_share atau jalankan penuh.",
                ),
                reason="TOO_MANY_DELETES",
            )
        return gone

    async def _tell(self, work: _Work, done: ChunkCommit) -> _Work:
        """Tells the catalog and keeps the figures. Both follow from the commit."""
        progress = done.progress
        with _tracer.start_as_current_span("tell the catalog"):
            await self._catalog.record_source_commit(
                work.run.dataset,
                done.snapshot_id,
                rows=done.rows_total,
                source=work.run.source,
                label=work.source.display_name.en,
                run=work.run.run,
                schema=table_schema(work.declaration),
                control_totals={},
            )
        run = await self._sources.change_run(
            work.run.run,
            SourceRunChange(
                rows=(progress.rows_read, progress.rows_good, progress.rows_bad, progress.rows_deleted),
                bytes_read=progress.bytes_read,
                commits=progress.commits,
                position_after=progress.position,
                rule_counts=progress.rule_counts,
                snapshot_id=done.snapshot_id,
            ),
        )
        return replace(work, run=run)

    async def _succeed(self, work: _Work, progress: Progress) -> SourceRun:
        good, bad, gone = (number(n) for n in (progress.rows_good, progress.rows_bad, progress.rows_deleted))
        text = Text(
            en=f"{good.en} rows published, {bad.en} in quarantine, {gone.en} deleted.",
            id=f"{good.id} baris diterbitkan, {bad.id} dikarantina, {gone.id} dihapus.",
        )
        if progress.commits == 0:
            text = Text(en="The source has nothing new.", id="Tidak ada yang baru pada sumber.")
        return await self._end(work.run.run, SourceRunState.SUCCEEDED, text)

    async def _fail(self, run_id: str, error: Exception) -> SourceRun:
        _log.error("run of a source failed", run=run_id, exc_info=error)
        if isinstance(error, LumbungError) and error.code != "INTERNAL":
            said, reason = Text(en=error.sentence("en"), id=error.sentence("id")), error.stable_reason
        else:
            reason = "INTERNAL"
            said = Text(
                en=f"The platform failed on this run. Tell the platform team the trace id {current_trace_id()}, then retry it.",
                id=f"Sistem gagal pada run ini. Sampaikan id jejak {current_trace_id()} kepada tim platform, lalu ulangi.",
            )
        return await self._end(run_id, SourceRunState.FAILED, said, reason)

    async def _end(
        self, run_id: str, state: SourceRunState, message: Text | None = None, reason: str | None = None
    ) -> SourceRun:
        change = SourceRunChange(
            state=state, message=message, end_time=datetime.now(UTC), error_reason=reason
        )
        return await self._sources.change_run(run_id, change)


def _position(done: ChunkCommit | None) -> str | None:
    return done.progress.position if done else None


def _contract(contract: Contract, plain: Sequence[str]) -> Contract:
    """The contract, without the style of people's writing where the reader wrote the text."""
    columns = [
        column.model_copy(update={"style": NumberStyle()}) if column.file_column in plain else column
        for column in contract.columns
    ]
    return contract.model_copy(update={"columns": tuple(columns)})


def _advanced(before: Progress, chunk: Extracted, report: Report, gone: int) -> Progress:
    counts = {(count.rule, count.severity): count.rows for count in before.rule_counts}
    for found in report.rule_counts:
        key = (found.rule, Severity(found.severity))
        counts[key] = counts.get(key, 0) + found.rows
    return Progress(
        position=chunk.position,
        last=chunk.last,
        rows_read=before.rows_read + chunk.rows,
        rows_good=before.rows_good + report.rows_good,
        rows_bad=before.rows_bad + report.rows_bad,
        rows_deleted=before.rows_deleted + gone,
        bytes_read=before.bytes_read + chunk.bytes,
        commits=before.commits + 1,
        rule_counts=tuple(RuleCount(rule, severity, rows) for (rule, severity), rows in counts.items()),
    )


def _nothing(work: _Work) -> SourceError:
    return SourceError(
        Text(
            en=f"sources/{work.source.name} has no rows; a dataset is never emptied by a reading that finds nothing.",
            id=f"sources/{work.source.name} tidak mempunyai baris; dataset tidak pernah dikosongkan oleh pembacaan tanpa hasil.",
        ),
        Text(en="Look at the source, then retry the run.", id="Periksa sumbernya, lalu ulangi run ini."),
        reason="SOURCE_EMPTY",
    )


def _later(error: LumbungError) -> Text:
    return Text(
        en=f"Will be tried again. {error.sentence('en')}", id=f"Akan dicoba lagi. {error.sentence('id')}"
    )
