"""What every form of a validation report says of the submission itself."""

from typing import Any

from ingest_service.domain.names import dataset_name, submission_name
from ingest_service.domain.submission import Finding, Submission

__all__ = ["LABELS", "finding_record", "submission_record"]

# Field of the record: its name in Indonesian and in English.
LABELS: dict[str, tuple[str, str]] = {
    "name": ("Kiriman", "Submission"),
    "dataset": ("Dataset", "Dataset"),
    "file_name": ("Berkas", "File"),
    "sha256": ("SHA-256", "SHA-256"),
    "state": ("Status", "State"),
    "submitter": ("Pengirim", "Sent by"),
    "certifier": ("Pengesah", "Certified by"),
    "create_time": ("Dikirim (UTC)", "Sent (UTC)"),
    "rows_read": ("Baris dibaca", "Rows read"),
    "rows_good": ("Baris baik", "Good rows"),
    "rows_bad": ("Baris dikarantina", "Rows in quarantine"),
    "content_digest": ("Sidik isi", "Content digest"),
}


def submission_record(submission: Submission) -> dict[str, Any]:
    """A submission as plain data, both languages."""
    return {
        "name": submission_name(submission.submission_id),
        "dataset": dataset_name(submission.dataset),
        "file_name": submission.file_name,
        "sha256": submission.sha256,
        "state": submission.state.value,
        "submitter": submission.submitter,
        "certifier": submission.certifier,
        "create_time": submission.create_time.isoformat(timespec="seconds"),
        "rows_read": submission.rows_read,
        "rows_good": submission.rows_good,
        "rows_bad": submission.rows_bad,
        "content_digest": submission.content_digest,
        "message": {"id": submission.message.id, "en": submission.message.en},
        "control_totals": dict(sorted(submission.control_totals.items())),
        "rule_counts": [
            {"rule": count.rule, "severity": count.severity.value, "rows": count.rows}
            for count in submission.rule_counts
        ],
    }


def finding_record(finding: Finding) -> dict[str, Any]:
    """A finding as plain data, both languages."""
    return {
        "row": finding.row,
        "column": finding.column,
        "value": finding.value,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": {"id": finding.message.id, "en": finding.message.en},
        "remedy": {"id": finding.remedy.id, "en": finding.remedy.en},
    }
