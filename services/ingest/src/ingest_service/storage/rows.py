"""Rows of PostgreSQL from and to the domain's records."""

from typing import Any

from psycopg.types.json import Jsonb

from ingest_service.domain.submission import RuleCount, Severity, Submission, SubmissionState
from ingest_service.domain.upload import StoredChunk, Upload, UploadState
from servicekit.errors import Text

__all__ = [
    "chunk_from_row",
    "rule_counts_to_json",
    "submission_from_row",
    "submission_to_row",
    "upload_from_row",
]


def upload_from_row(row: dict[str, Any]) -> Upload:
    """An upload of table `uploads`."""
    return Upload(**(row | {"state": UploadState(row["state"])}))


def chunk_from_row(row: dict[str, Any]) -> StoredChunk:
    """A chunk of table `upload_chunks`."""
    return StoredChunk(row["chunk_offset"], row["size_bytes"], row["crc32c"], row["object_key"])


def submission_from_row(row: dict[str, Any]) -> Submission:
    """A submission of table `submissions`."""
    counts = tuple(RuleCount(rule, Severity(severity), rows) for rule, severity, rows in row["rule_counts"])
    known = {key: value for key, value in row.items() if key not in {"message_en", "message_id"}}
    known |= {
        "state": SubmissionState(row["state"]),
        "message": Text(en=row["message_en"], id=row["message_id"]),
        "rule_counts": counts,
    }
    return Submission(**known)


def submission_to_row(submission: Submission) -> dict[str, Any]:
    """The values of a new row of table `submissions`."""
    return {
        "submission_id": submission.submission_id,
        "upload_id": submission.upload_id,
        "dataset": submission.dataset,
        "file_name": submission.file_name,
        "size_bytes": submission.size_bytes,
        "owner": submission.owner,
        "submitter": submission.submitter,
        "state": submission.state.value,
        "message_en": submission.message.en,
        "message_id": submission.message.id,
        "sha256": submission.sha256,
        "revision": submission.revision,
        "rows_read": submission.rows_read,
        "rows_good": submission.rows_good,
        "rows_bad": submission.rows_bad,
        "snapshot_id": submission.snapshot_id,
        "control_totals": Jsonb(dict(submission.control_totals)),
        "rule_counts": rule_counts_to_json(submission.rule_counts),
        "findings_kept": submission.findings_kept,
        "same_as": submission.same_as,
        "trace": Jsonb(dict(submission.trace)),
        "create_time": submission.create_time,
        "update_time": submission.update_time,
    }


def rule_counts_to_json(counts: Any) -> Jsonb:
    """Counts as a JSON list of [rule, severity, rows]."""
    return Jsonb([[count.rule, count.severity.value, count.rows] for count in counts])
