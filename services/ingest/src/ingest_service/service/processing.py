"""Works off one submission: validate, publish, tell the catalog. Every step can be repeated."""

from datetime import UTC, datetime
from pathlib import Path

from opentelemetry import trace

from ingest_service.clients.catalog import Catalog
from ingest_service.domain.contract import Declaration
from ingest_service.domain.submission import RuleCount, Severity, Submission, SubmissionState
from ingest_service.engine.job import Report, ValidationJob, ValidationLimits
from ingest_service.errors import ContractError, DuplicateInFlightError
from ingest_service.executor.validator import Validator
from ingest_service.metrics import ROWS, SECONDS, SUBMISSIONS
from ingest_service.service.outcomes import duplicate_text, published_text, rejected_text
from ingest_service.storage.ports import ChunkStore, SubmissionChange, SubmissionStore, UploadStore
from ingest_service.storage.tables import Publication, TableStore, table_schema
from ingest_service.storage.workspace import Workspace
from servicekit.errors import LumbungError, Text
from servicekit.telemetry import current_trace_id, extract_context, get_logger, tracer

__all__ = ["ProcessingService"]

_log = get_logger(__name__)
_tracer = tracer("ingest_service")
# What another try cannot change.
_LASTING = frozenset(
    {"INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "FAILED_PRECONDITION", "UNAUTHENTICATED"}
)


class ProcessingService:
    """Brings submissions to their end. A crash at any point is healed by calling `process_submission` again."""

    def __init__(
        self,
        submissions: SubmissionStore,
        uploads: UploadStore,
        chunks: ChunkStore,
        tables: TableStore,
        catalog: Catalog,
        validator: Validator,
        workspace: Workspace,
        limits: ValidationLimits,
    ) -> None:
        self._submissions, self._uploads, self._chunks = submissions, uploads, chunks
        self._tables, self._catalog, self._validator = tables, catalog, validator
        self._workspace, self._limits = workspace, limits

    async def process_submission(self, submission_id: str, *, last_attempt: bool = False) -> None:
        """Works off a submission; one that has ended is left alone.

        Raises whatever may pass by itself, so that the queue tries again; on the last attempt the submission fails.
        """
        submission = await self._submissions.get_submission(submission_id)
        if submission is None or submission.state.is_final:
            return
        context = extract_context(submission.trace)
        with _tracer.start_as_current_span("ProcessSubmission", context=context) as span:
            span.set_attribute("lumbung.submission", submission_id)
            span.set_attribute("lumbung.dataset", submission.dataset)
            try:
                ended = await self._work(submission)
            except DuplicateInFlightError:
                raise
            except LumbungError as error:
                if error.code not in _LASTING and not last_attempt:
                    raise
                ended = await self._fail(submission_id, error)
            except Exception as error:
                if not last_attempt:
                    raise
                ended = await self._fail(submission_id, error)
            span.set_attribute("lumbung.state", ended.state.value)
        SUBMISSIONS.labels(ended.state.value).inc()
        SECONDS.observe((datetime.now(UTC) - submission.create_time).total_seconds())

    async def _work(self, submission: Submission) -> Submission:
        declaration, revision = await self._catalog.get_declaration(submission.dataset)
        if submission.state is SubmissionState.PUBLISHING:
            done = await self._tables.find_publication(submission.dataset, submission.submission_id)
            if done is not None:
                return await self._conclude(submission, declaration, done)
        submission = await self._change(
            submission,
            SubmissionChange(
                state=SubmissionState.VALIDATING,
                message=Text(
                    en="Is being checked against the contract.", id="Sedang diperiksa terhadap kontrak."
                ),
                revision=revision,
            ),
        )
        with self._workspace.folder(submission.submission_id) as folder:
            file = folder / "file"
            submission = await self._fetch(submission, file)
            if (earlier := await self._find_earlier(submission, declaration)) is not None:
                return await self._end_as_duplicate(submission, earlier)
            report = await self._validate(submission, declaration, file, folder)
            submission = await self._keep_report(submission, report)
            if report.rejected:
                return await self._reject(submission, report)
            publication = await self._publish(submission, declaration, report)
        return await self._conclude(submission, declaration, publication)

    async def _fetch(self, submission: Submission, file: Path) -> Submission:
        with _tracer.start_as_current_span("fetch file"):
            chunks = await self._uploads.list_chunks(submission.upload_id)
            sha256 = await self._chunks.assemble(chunks, file)
        return await self._change(submission, SubmissionChange(sha256=sha256))

    async def _find_earlier(self, submission: Submission, declaration: Declaration) -> Submission | None:
        """The submission that published this very file, where publishing it again would change nothing but double it."""
        publish = declaration.contract.publish
        if publish is not None and publish.mode == "append":
            holder = await self._submissions.claim_content(submission)
            if holder == submission.submission_id:
                return None
            earlier = await self._submissions.get_submission(holder)
            if earlier is None or earlier.state is not SubmissionState.PUBLISHED:
                raise DuplicateInFlightError(holder)
            return earlier
        earlier = await self._submissions.find_published(
            submission.dataset, submission.sha256, submission.revision
        )
        if earlier is None:
            return None
        # Replaced rows may have been replaced again since: only the newest snapshot still holds the file's rows.
        current = await self._tables.current_snapshot(submission.dataset)
        return earlier if current == earlier.snapshot_id else None

    async def _end_as_duplicate(self, submission: Submission, earlier: Submission) -> Submission:
        if earlier.snapshot_id is None:
            raise DuplicateInFlightError(earlier.submission_id)
        ended = await self._change(
            submission,
            SubmissionChange(
                state=SubmissionState.PUBLISHED,
                message=duplicate_text(earlier),
                rows=(earlier.rows_read, earlier.rows_good, earlier.rows_bad),
                snapshot_id=earlier.snapshot_id,
                control_totals=earlier.control_totals,
                rule_counts=earlier.rule_counts,
                findings_kept=earlier.findings_kept,
                same_as=earlier.findings_of,
            ),
        )
        await self._chunks.delete_chunks(submission.upload_id)
        return ended

    async def _validate(
        self, submission: Submission, declaration: Declaration, file: Path, folder: Path
    ) -> Report:
        out = folder / "out"
        out.mkdir()
        field_ids, quarantine_ids = await self._tables.field_ids(declaration)
        job = ValidationJob(
            file=file,
            file_name=submission.file_name,
            out=out,
            dataset=submission.dataset,
            submission=submission.submission_id,
            contract=declaration.contract,
            field_ids=field_ids,
            quarantine_ids=quarantine_ids,
            found_time=datetime.now(UTC).isoformat(timespec="microseconds"),
            limits=self._limits,
        )
        with _tracer.start_as_current_span("validation process") as span:
            report = await self._validator.validate(job)
            # The process has no telemetry of its own: its steps become spans here.
            for step in report.steps:
                child = _tracer.start_span(step.name, start_time=step.start)
                child.end(step.end)
            span.set_attribute("lumbung.rows_read", report.rows_read)
        if report.contract_error is not None:
            en, indonesian = report.contract_error
            raise ContractError(Text(en=en, id=indonesian))
        return report

    async def _keep_report(self, submission: Submission, report: Report) -> Submission:
        if report.kept is not None:
            await self._chunks.put_findings(submission.submission_id, report.kept.path)
        counts = [RuleCount(c.rule, Severity(c.severity), c.rows) for c in report.rule_counts]
        if not counts:
            names = dict.fromkeys(finding.rule for finding in report.fatal)
            counts = [
                RuleCount(rule, Severity.FATAL, sum(f.rule == rule for f in report.fatal)) for rule in names
            ]
        return await self._change(
            submission,
            SubmissionChange(
                rows=(report.rows_read, 0 if report.rejected else report.rows_good, report.rows_bad),
                control_totals=report.control_totals,
                rule_counts=counts,
                findings_kept=report.kept.rows if report.kept else 0,
                # What is said at the end is known now, and kept for the case that the end comes in another process.
                message=rejected_text(report) if report.rejected else published_text(report),
                state=None if report.rejected else SubmissionState.PUBLISHING,
            ),
        )

    async def _reject(self, submission: Submission, report: Report) -> Submission:
        ended = await self._change(submission, SubmissionChange(state=SubmissionState.REJECTED))
        ROWS.labels("rejected").inc(report.rows_read)
        await self._chunks.delete_chunks(submission.upload_id)
        return ended

    async def _publish(self, submission: Submission, declaration: Declaration, report: Report) -> Publication:
        with _tracer.start_as_current_span("publish"):
            properties = {
                "submission": submission.submission_id,
                "sha256": submission.sha256,
                "trace_id": current_trace_id(),
                "rows_read": str(report.rows_read),
                "rows_bad": str(report.rows_bad),
            }
            return await self._tables.publish(declaration, report, submission.submission_id, properties)

    async def _conclude(
        self, submission: Submission, declaration: Declaration, publication: Publication
    ) -> Submission:
        """Tells the catalog, then ends. The row counts were kept before the commit."""
        with _tracer.start_as_current_span("tell the catalog"):
            await self._catalog.record_publication(
                submission.dataset,
                publication.snapshot_id,
                rows=publication.rows_total,
                submission_id=submission.submission_id,
                schema=table_schema(declaration),
                control_totals=submission.control_totals,
                sha256=submission.sha256,
                file_name=submission.file_name,
            )
        ended = await self._change(
            submission,
            SubmissionChange(state=SubmissionState.PUBLISHED, snapshot_id=publication.snapshot_id),
        )
        ROWS.labels("published").inc(submission.rows_good)
        ROWS.labels("quarantined").inc(submission.rows_bad)
        await self._chunks.delete_chunks(submission.upload_id)
        return ended

    async def _fail(self, submission_id: str, error: Exception) -> Submission:
        _log.error("submission failed", submission=submission_id, exc_info=error)
        if isinstance(error, LumbungError) and error.code != "INTERNAL":
            said = Text(en=error.sentence("en"), id=error.sentence("id"))
        else:
            trace_id = format(trace.get_current_span().get_span_context().trace_id, "032x")
            said = Text(
                en=f"The platform failed on this file. Tell the platform team the trace id {trace_id}, then send it again.",
                id=f"Sistem gagal memproses berkas ini. Sampaikan id jejak {trace_id} kepada tim platform, lalu kirim lagi.",
            )
        return await self._submissions.change_submission(
            submission_id, SubmissionChange(state=SubmissionState.FAILED, message=said)
        )

    async def _change(self, submission: Submission, change: SubmissionChange) -> Submission:
        return await self._submissions.change_submission(submission.submission_id, change)
