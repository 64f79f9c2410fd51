"""One upload on its way to publication."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from servicekit.auth import Principal
from servicekit.errors import Text

__all__ = [
    "ALL_SEEING_ROLES",
    "Finding",
    "RuleCount",
    "Severity",
    "Step",
    "StepAction",
    "Submission",
    "SubmissionState",
    "sees_all",
]

ALL_SEEING_ROLES = frozenset({"steward", "certifier", "auditor", "admin"})


def sees_all(principal: Principal) -> bool:
    """Whether somebody sees the submissions of others."""
    return bool(principal.roles & ALL_SEEING_ROLES)


class SubmissionState(StrEnum):
    """Where a submission stands."""

    PENDING = "pending"
    VALIDATING = "validating"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    REJECTED = "rejected"
    FAILED = "failed"
    VALIDATED = "validated"
    CERTIFIED = "certified"
    SUPERSEDED = "superseded"
    REVERTING = "reverting"
    REVERTED = "reverted"
    WITHDRAWN = "withdrawn"

    @property
    def is_final(self) -> bool:
        """Whether the work is at its end: what still changes is changed by somebody's own step."""
        return self in {
            SubmissionState.PUBLISHED,
            SubmissionState.SUPERSEDED,
            SubmissionState.REJECTED,
            SubmissionState.FAILED,
            SubmissionState.REVERTED,
            SubmissionState.WITHDRAWN,
        }

    @property
    def is_published(self) -> bool:
        """Whether its rows were published and not taken back."""
        return self in {SubmissionState.PUBLISHED, SubmissionState.SUPERSEDED}

    @property
    def waits(self) -> bool:
        """Whether it waits for a person."""
        return self is SubmissionState.VALIDATED


class Severity(StrEnum):
    """How weighty a finding is."""

    WARNING = "warning"
    ERROR = "error"
    FATAL = "fatal"


@dataclass(frozen=True, slots=True)
class RuleCount:
    """Rows that break one rule."""

    rule: str
    severity: Severity
    rows: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with one row; `row` from 1, 0 when the whole file is meant."""

    row: int
    column: str
    value: str
    rule: str
    severity: Severity
    message: Text
    remedy: Text


class StepAction(StrEnum):
    """What was done with a submission; `MOVE` is a change of state that the platform made itself."""

    MOVE = "move"
    CERTIFY = "certify"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    REVERT = "revert"


@dataclass(frozen=True, slots=True)
class Step:
    """One step in the life of a submission. `actor` is the subject (empty for the platform), `actor_name` the username.

    `reason` is what the actor said; `content_digest` what was certified.
    """

    action: StepAction
    state: SubmissionState
    actor: str = ""
    actor_name: str = ""
    reason: str = ""
    content_digest: str = ""
    request_id: str | None = None
    create_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission. `submitter` is the username, `owner` the subject. Times are UTC.

    `trace` is the W3C context of the call that made it; `revision` the contract's, 0 before validation; `same_as` the
    submission that had published the very same file before. `correction_of` is the submission whose bad rows it mends.

    Of its publication: `content_digest` names the validated content, `staged` the folder where it waits, `certifier` the
    username of the second person; `mode` and `replaced` say how it entered the table (append, overwrite, or replace with
    these values; `mode` is empty where that is not known), `sequence` is the table's count of snapshots then;
    `superseded_by` took its place, `revert_snapshot_id` took it back.
    """

    submission_id: str
    upload_id: str
    dataset: str
    file_name: str
    size_bytes: int
    owner: str
    submitter: str
    state: SubmissionState
    message: Text
    create_time: datetime
    update_time: datetime
    sha256: str = ""
    revision: int = 0
    rows_read: int = 0
    rows_good: int = 0
    rows_bad: int = 0
    snapshot_id: int | None = None
    control_totals: Mapping[str, str] = field(default_factory=dict)
    rule_counts: tuple[RuleCount, ...] = ()
    findings_kept: int = 0
    same_as: str | None = None
    trace: Mapping[str, str] = field(default_factory=dict)
    correction_of: str | None = None
    content_digest: str = ""
    staged: str = ""
    certifier: str = ""
    mode: str = ""
    replaced: tuple[tuple[str, ...], ...] = ()
    sequence: int | None = None
    superseded_by: str | None = None
    revert_snapshot_id: int | None = None

    @property
    def findings_of(self) -> str:
        """Id of the submission whose validation found what is wrong with this file."""
        return self.same_as or self.submission_id

    def visible_to(self, principal: Principal) -> bool:
        """Whether somebody may know of it."""
        return self.owner == principal.subject or sees_all(principal)
