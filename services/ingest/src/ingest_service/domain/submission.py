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

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in {SubmissionState.PUBLISHED, SubmissionState.REJECTED, SubmissionState.FAILED}


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


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission. `submitter` is the username, `owner` the subject. Times are UTC.

    `trace` is the W3C context of the call that made it; `revision` the contract's, 0 before validation; `same_as` the
    submission that had published the very same file before.
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

    @property
    def findings_of(self) -> str:
        """Id of the submission whose validation found what is wrong with this file."""
        return self.same_as or self.submission_id

    def visible_to(self, principal: Principal) -> bool:
        """Whether somebody may know of it."""
        return self.owner == principal.subject or sees_all(principal)
