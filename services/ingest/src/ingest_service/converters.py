"""Between protos and the domain."""

from collections.abc import Iterable
from datetime import UTC, datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from ingest_service.domain.comparison import Comparison
from ingest_service.domain.names import (
    dataset_name,
    source_name,
    source_run_name,
    submission_name,
    upload_name,
)
from ingest_service.domain.source_declaration import parse_source
from ingest_service.domain.source_run import SourceRun, StoredSource
from ingest_service.domain.submission import (
    Finding,
    RuleCount,
    Severity,
    Step,
    Submission,
    SubmissionState,
)
from ingest_service.domain.upload import Upload, UploadState
from lumbung.ingest.v1 import source_service_pb2 as source_pb
from lumbung.ingest.v1 import submission_service_pb2 as submission_pb
from lumbung.ingest.v1 import upload_service_pb2 as upload_pb

__all__ = [
    "comparison_to_proto",
    "finding_to_proto",
    "run_to_proto",
    "snapshot_name",
    "source_to_proto",
    "step_to_proto",
    "submission_to_proto",
    "upload_to_proto",
]

_UPLOAD_STATES = {
    UploadState.OPEN: upload_pb.Upload.STATE_OPEN,
    UploadState.FINISHED: upload_pb.Upload.STATE_FINISHED,
    UploadState.CANCELLED: upload_pb.Upload.STATE_CANCELLED,
}
_STATES = {state: f"STATE_{state.value.upper()}" for state in SubmissionState}
_SEVERITIES = {severity: f"SEVERITY_{severity.value.upper()}" for severity in Severity}


def snapshot_name(dataset: str, snapshot_id: int | None) -> str:
    """`datasets/{dataset}/snapshots/{snapshot}`; empty for none."""
    return f"{dataset_name(dataset)}/snapshots/{snapshot_id}" if snapshot_id else ""


def _submission_name(submission_id: str | None) -> str:
    return submission_name(submission_id) if submission_id else ""


def _timestamp(when: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(when)
    return stamp


def upload_to_proto(upload: Upload) -> upload_pb.Upload:
    """An upload."""
    return upload_pb.Upload(
        name=upload_name(upload.upload_id),
        dataset=dataset_name(upload.dataset),
        file_name=upload.file_name,
        size_bytes=upload.size_bytes,
        committed_bytes=upload.committed_bytes,
        state=_UPLOAD_STATES[upload.state],
        create_time=_timestamp(upload.create_time),
        expire_time=_timestamp(upload.expire_time),
        submission=_submission_name(upload.submission_id),
        correction_of=_submission_name(upload.correction_of),
    )


def submission_to_proto(submission: Submission, language: str) -> submission_pb.Submission:
    """A submission, with its message in `language` ("id" or "en")."""
    dataset = dataset_name(submission.dataset)
    return submission_pb.Submission(
        name=submission_name(submission.submission_id),
        dataset=dataset,
        file_name=submission.file_name,
        sha256=submission.sha256,
        state=_STATES[submission.state],
        message=submission.message.in_language(language),
        rows_read=submission.rows_read,
        rows_good=submission.rows_good,
        rows_bad=submission.rows_bad,
        snapshot=snapshot_name(submission.dataset, submission.snapshot_id),
        control_totals=dict(submission.control_totals),
        rule_counts=_rule_counts(submission.rule_counts),
        submitter=submission.submitter,
        create_time=_timestamp(submission.create_time),
        update_time=_timestamp(submission.update_time),
        content_digest=submission.content_digest,
        correction_of=_submission_name(submission.correction_of),
        certifier=submission.certifier,
        superseded_by=_submission_name(submission.superseded_by),
        revert_snapshot=snapshot_name(submission.dataset, submission.revert_snapshot_id),
    )


def comparison_to_proto(comparison: Comparison) -> submission_pb.CompareSubmissionResponse:
    """A comparison."""
    return submission_pb.CompareSubmissionResponse(
        previous_snapshot=snapshot_name(comparison.dataset, comparison.previous),
        rows_added=comparison.added,
        rows_removed=comparison.removed,
        rows_changed=comparison.changed,
        rows_same=comparison.same,
        totals=[
            submission_pb.TotalDifference(name=total.name, before=total.before or "", after=total.after or "")
            for total in comparison.totals
        ],
        rows=[
            submission_pb.RowDifference(
                kind=f"KIND_{row.kind.value.upper()}",
                key=dict(row.key),
                values=[
                    submission_pb.ValueDifference(column=column, before=before or "", after=after or "")
                    for column, (before, after) in row.values.items()
                ],
            )
            for row in comparison.rows
        ],
        truncated=comparison.truncated,
        withheld=comparison.withheld,
    )


def step_to_proto(step: Step) -> submission_pb.Step:
    """A step."""
    return submission_pb.Step(
        action=step.action.value,
        state=_STATES[step.state],
        actor=step.actor_name,
        reason=step.reason,
        content_digest=step.content_digest,
        create_time=_timestamp(step.create_time) if step.create_time else None,
    )


def _rule_counts(counts: Iterable[RuleCount]) -> list[submission_pb.RuleCount]:
    return [
        submission_pb.RuleCount(rule=count.rule, severity=_SEVERITIES[count.severity], rows=count.rows)
        for count in counts
    ]


def finding_to_proto(finding: Finding, language: str) -> submission_pb.Finding:
    """A finding, with its texts in `language`."""
    return submission_pb.Finding(
        row=finding.row,
        column=finding.column,
        value=finding.value,
        rule=finding.rule,
        severity=_SEVERITIES[finding.severity],
        message=finding.message.in_language(language),
        remedy=finding.remedy.in_language(language),
    )


def source_to_proto(source: StoredSource, language: str) -> source_pb.Source:
    """A source, with its description in `language`."""
    declared = parse_source(source.declaration)
    return source_pb.Source(
        name=source_name(source.source),
        declaration=source.declaration,
        description=declared.description.id if language == "id" else declared.description.en,
        dataset=dataset_name(source.dataset),
        type=declared.type,
        watermark=source.position or "",
        revision=source.revision,
        update_time=_timestamp(source.update_time),
    )


def run_to_proto(run: SourceRun, language: str) -> source_pb.SourceRun:
    """A run, with its message in `language`."""
    duration = Duration()
    if run.start_time is not None:
        duration.FromTimedelta((run.end_time or datetime.now(UTC)) - run.start_time)
    snapshot = f"{dataset_name(run.dataset)}/snapshots/{run.snapshot_id}" if run.snapshot_id else ""
    return source_pb.SourceRun(
        name=source_run_name(run.source, run.run),
        dataset=dataset_name(run.dataset),
        state=f"STATE_{run.state.value.upper()}",
        message=run.message.in_language(language),
        full=run.full,
        rows_read=run.rows_read,
        rows_good=run.rows_good,
        rows_bad=run.rows_bad,
        rows_deleted=run.rows_deleted,
        bytes_read=run.bytes_read,
        duration=duration,
        commits=run.commits,
        watermark_before=run.position_before or "",
        watermark_after=run.position_after or "",
        snapshot=snapshot,
        rule_counts=_rule_counts(run.rule_counts),
        error_reason=run.error_reason,
        creator=run.creator,
        revision=run.revision,
        create_time=_timestamp(run.create_time),
        start_time=_timestamp(run.start_time) if run.start_time else None,
        end_time=_timestamp(run.end_time) if run.end_time else None,
    )
