"""Works off one submission: validate, publish, tell the catalog. Every step can be repeated."""

from datetime import UTC, datetime
from pathlib import Path

from opentelemetry import trace

from ingest_service.clients.catalog import Catalog
from ingest_service.domain.contract import Declaration
from ingest_service.domain.submission import RuleCount, Severity, Submission, SubmissionState
from ingest_service.engine.job import Report, ValidationJob, ValidationLimits
from ingest_service.errors import ContractError, CorrectionRefusedError, DuplicateInFlightError
from ingest_service.executor.validator import Validator
from ingest_service.metrics import ROWS, SECONDS, SUBMISSIONS
from ingest_service.service.corrections import Corrections, Mending
from ingest_service.service.outcomes import (
    contract_changed_text,
    duplicate_text,
    published_text,
    rejected_text,
    validated_text,
    waiting_text,
)
from ingest_service.service.reverting import Reverting
from ingest_service.storage.ports import ChunkStore, SubmissionChange, SubmissionStore, UploadStore
from ingest_service.storage.staged import Staged, StagedStore
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
        staged: StagedStore,
        corrections: Corrections,
        reverting: Reverting,
    ) -> None:
        self._submissions, self._uploads, self._chunks = submissions, uploads, chunks
        self._tables, self._catalog, self._validator = tables, catalog, validator
        self._workspace, self._limits, self._staged = workspace, limits, staged
        self._corrections, self._reverting = corrections, reverting

    async def process_submission(self, submission_id: str, *, last_attempt: bool = False) -> None:
        """Works off a submission; one that has ended, or waits for a person, is left alone.

        Raises whatever may pass by itself, so that the queue tries again; on the last attempt the submission fails.
        """
        submission = await self._submissions.get_submission(submission_id)
        if submission is None or submission.state.is_final or submission.state.waits:
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
                ended = await self._fail(submission, error)
            except Exception as error:
                if not last_attempt:
                    raise
                ended = await self._fail(submission, error)
            span.set_attribute("lumbung.state", ended.state.value)
        if ended.state.is_final:
            SUBMISSIONS.labels(ended.state.value).inc()
        # What waited for a person tells nothing of the platform's speed.
        if not submission.certifier and submission.state is not SubmissionState.REVERTING:
            SECONDS.observe((datetime.now(UTC) - submission.create_time).total_seconds())

    async def _work(self, submission: Submission) -> Submission:
        declaration, revision = await self._catalog.get_declaration(submission.dataset)
        if submission.state is SubmissionState.REVERTING:
            return await self._reverting.revert_submission(submission, declaration)
        if submission.state in {SubmissionState.PUBLISHING, SubmissionState.CERTIFIED}:
            done = await self._tables.find_publication(submission.dataset, submission.submission_id)
            if done is not None:
                return await self._conclude(submission, declaration, done)
        if submission.certifier:
            return await self._publish_staged(submission, declaration, revision)
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
        if submission.state is not SubmissionState.VALIDATING:
            # Another process was faster, and it waits for a person or has ended.
            return submission
        with self._workspace.folder(submission.submission_id) as folder:
            return await self._check_and_publish(submission, declaration, folder)

    async def _check_and_publish(
        self, submission: Submission, declaration: Declaration, folder: Path
    ) -> Submission:
        file = folder / "file"
        submission = await self._fetch(submission, file)
        if submission.correction_of is None:
            earlier = await self._find_earlier(submission, declaration)
            if earlier is not None:
                return await self._end_as_duplicate(submission, earlier)
        try:
            mending = await self._begin(submission, declaration)
            report = await self._validate(submission, declaration, mending, file, folder)
            submission = await self._keep_report(submission, declaration, report)
            if report.rejected:
                return await self._reject(submission)
            if mending is not None:
                await self._corrections.claim(submission, declaration, report)
            properties = self._properties(submission, report)
            await self._tables.publish_quarantine(declaration, report, submission.submission_id, properties)
            if declaration.contract.needs_certification:
                return await self._stage(submission, report)
            if mending is not None:
                submission = await self._change(
                    submission, SubmissionChange(state=SubmissionState.PUBLISHING)
                )
            publication = await self._publish(submission, declaration, report)
        except CorrectionRefusedError as error:
            return await self._reject(submission, Text(en=error.sentence("en"), id=error.sentence("id")))
        return await self._conclude(submission, declaration, publication)

    async def _begin(self, submission: Submission, declaration: Declaration) -> Mending | None:
        if submission.correction_of is None:
            return None
        return await self._corrections.begin(submission, declaration)

    async def _stage(self, submission: Submission, report: Report) -> Submission:
        """Keeps the good rows until somebody certifies them."""
        with _tracer.start_as_current_span("stage"):
            staged = await self._staged.stage(
                submission.submission_id, report, submission.sha256, submission.revision
            )
        waiting = await self._change(
            submission,
            SubmissionChange(
                state=SubmissionState.VALIDATED,
                message=validated_text(report),
                content_digest=staged.digest,
                staged=staged.folder,
            ),
        )
        if waiting.staged != staged.folder:
            await self._staged.discard(staged)
        await self._chunks.delete_chunks(submission.upload_id)
        return waiting

    async def _publish_staged(
        self, submission: Submission, declaration: Declaration, revision: int
    ) -> Submission:
        """Publishes what was certified, from where it waits."""
        if revision != submission.revision:
            return await self._reject(submission, contract_changed_text())
        with self._workspace.folder(submission.submission_id) as folder:
            report = await self._staged.fetch(Staged(submission.staged, submission.content_digest), folder)
            submission = await self._change(
                submission,
                SubmissionChange(state=SubmissionState.PUBLISHING, message=published_text(report)),
            )
            try:
                publication = await self._publish(submission, declaration, report)
            except CorrectionRefusedError as error:
                return await self._reject(submission, Text(en=error.sentence("en"), id=error.sentence("id")))
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
            if earlier is None or not (earlier.state.is_published or earlier.state.waits):
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
        if earlier.state.waits:
            return await self._reject(submission, waiting_text(earlier))
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
                mode=earlier.mode,
                replaced=earlier.replaced,
                sequence=earlier.sequence,
            ),
        )
        await self._chunks.delete_chunks(submission.upload_id)
        return ended

    async def _validate(
        self,
        submission: Submission,
        declaration: Declaration,
        mending: Mending | None,
        file: Path,
        folder: Path,
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
            contract=mending.contract if mending else declaration.contract,
            mendable=mending.rows if mending else None,
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

    async def _keep_report(
        self, submission: Submission, declaration: Declaration, report: Report
    ) -> Submission:
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
                # A correction may still be refused, and another dataset's rows may wait.
                state=None
                if report.rejected or submission.correction_of or declaration.contract.needs_certification
                else SubmissionState.PUBLISHING,
                mode=_mode(submission, declaration),
                replaced=report.replaced,
            ),
        )

    async def _reject(self, submission: Submission, why: Text | None = None) -> Submission:
        ended = await self._change(submission, SubmissionChange(state=SubmissionState.REJECTED, message=why))
        ROWS.labels("rejected").inc(submission.rows_read)
        await self._clear(submission)
        return ended

    async def _clear(self, submission: Submission) -> None:
        await self._chunks.delete_chunks(submission.upload_id)
        if submission.staged:
            await self._staged.clear(submission.submission_id)

    async def _publish(self, submission: Submission, declaration: Declaration, report: Report) -> Publication:
        onto = None
        if submission.correction_of is not None:
            onto = await self._corrections.place(submission, declaration, report.good)
        with _tracer.start_as_current_span("publish"):
            return await self._tables.publish(
                declaration,
                report,
                submission.submission_id,
                self._properties(submission, report),
                onto=onto,
            )

    @staticmethod
    def _properties(submission: Submission, report: Report) -> dict[str, str]:
        properties = {
            "submission": submission.submission_id,
            "sha256": submission.sha256,
            "trace_id": current_trace_id(),
            "rows_read": str(report.rows_read),
            "rows_bad": str(report.rows_bad),
        }
        if submission.certifier:
            properties["certifier"] = submission.certifier
        if submission.correction_of is not None:
            properties["correction_of"] = submission.correction_of
        return properties

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
        ended = await self._submissions.conclude_publication(
            submission.submission_id,
            SubmissionChange(
                state=SubmissionState.PUBLISHED,
                snapshot_id=publication.snapshot_id,
                sequence=publication.sequence,
            ),
        )
        ROWS.labels("published").inc(submission.rows_good)
        ROWS.labels("quarantined").inc(submission.rows_bad)
        await self._clear(submission)
        return ended

    async def _fail(self, submission: Submission, error: Exception) -> Submission:
        submission_id = submission.submission_id
        _log.error("submission failed", submission=submission_id, exc_info=error)
        if isinstance(error, LumbungError) and error.code != "INTERNAL":
            said = Text(en=error.sentence("en"), id=error.sentence("id"))
        else:
            trace_id = format(trace.get_current_span().get_span_context().trace_id, "032x")
            said = Text(
                en=f"The platform failed on this file. Tell the platform team the trace id {trace_id}, then send it again.",
                id=f"Sistem gagal memproses berkas ini. Sampaikan id jejak {trace_id} kepada tim platform, lalu kirim lagi.",
            )
        if submission.state is SubmissionState.REVERTING:
            return await self._reverting.stay_published(submission, said)
        return await self._submissions.change_submission(
            submission_id, SubmissionChange(state=SubmissionState.FAILED, message=said)
        )

    async def _change(self, submission: Submission, change: SubmissionChange) -> Submission:
        return await self._submissions.change_submission(submission.submission_id, change)


def _mode(submission: Submission, declaration: Declaration) -> str:
    """How the rows of a submission enter the table."""
    publish = declaration.contract.publish
    return "append" if submission.correction_of or publish is None else publish.mode
