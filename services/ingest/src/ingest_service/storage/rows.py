"""Rows of PostgreSQL from and to the domain's records."""

import json
from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb

from ingest_service.domain.submission import (
    RuleCount,
    Severity,
    Step,
    StepAction,
    Submission,
    SubmissionState,
)
from ingest_service.domain.upload import StoredChunk, Upload, UploadState
from servicekit.errors import Text

__all__ = [
    "PUBLICATION_COLUMNS",
    "SUBMISSIONS",
    "UPLOADS",
    "chunk_from_row",
    "replaced_to_json",
    "rule_counts_to_json",
    "step_from_row",
    "submission_from_row",
    "submission_to_row",
    "upload_from_row",
]


PUBLICATION_COLUMNS = (
    "content_digest",
    "staged",
    "certifier",
    "mode",
    "replaced",
    "sequence",
    "superseded_by",
    "revert_snapshot_id",
)
# A submission with what is known of its publication; `WHERE` and the like follow.
SUBMISSIONS = f"""SELECT s.*, c.correction_of, {", ".join(f"p.{name}" for name in PUBLICATION_COLUMNS)}
FROM submissions s LEFT JOIN submission_publications p USING (submission_id)
LEFT JOIN upload_corrections c USING (upload_id)"""  # noqa: S608 - constants
UPLOADS = "SELECT u.*, c.correction_of FROM uploads u LEFT JOIN upload_corrections c USING (upload_id)"


def upload_from_row(row: dict[str, Any]) -> Upload:
    """An upload of table `uploads`."""
    return Upload(**(row | {"state": UploadState(row["state"])}))


def chunk_from_row(row: dict[str, Any]) -> StoredChunk:
    """A chunk of table `upload_chunks`."""
    return StoredChunk(row["chunk_offset"], row["size_bytes"], row["crc32c"], row["object_key"])


def submission_from_row(row: dict[str, Any]) -> Submission:
    """A submission out of the query `SUBMISSIONS`."""
    counts = tuple(RuleCount(rule, Severity(severity), rows) for rule, severity, rows in row["rule_counts"])
    known = {key: value for key, value in row.items() if key not in {"message_en", "message_id"}}
    # Submissions from before certification have no row of their publication.
    known |= {name: row[name] or "" for name in ("content_digest", "staged", "certifier", "mode")}
    state = SubmissionState(row["state"])
    if state is SubmissionState.PUBLISHED and row["superseded_by"] is not None:
        state = SubmissionState.SUPERSEDED
    known |= {
        "state": state,
        "replaced": tuple(tuple(json.loads(values)) for values in row["replaced"] or ()),
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


def step_from_row(row: dict[str, Any]) -> Step:
    """A step of table `submission_steps`."""
    known = {key: value for key, value in row.items() if key not in {"step_id", "submission_id"}}
    known |= {"action": StepAction(row["action"]), "state": SubmissionState(row["state"])}
    return Step(**known)


def replaced_to_json(replaced: Sequence[Sequence[str]]) -> Jsonb:
    """Each group of values as one text, so that PostgreSQL compares them whole."""
    return Jsonb([json.dumps(list(values), ensure_ascii=False) for values in replaced])


def rule_counts_to_json(counts: Any) -> Jsonb:
    """Counts as a JSON list of [rule, severity, rows]."""
    return Jsonb([[count.rule, count.severity.value, count.rows] for count in counts])
