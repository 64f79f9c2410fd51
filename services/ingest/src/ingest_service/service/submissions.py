"""Shows what became of files."""

from collections.abc import Mapping, Sequence
from typing import Any

from ingest_service.clients.catalog import Catalog
from ingest_service.domain.submission import Finding, Severity, Submission, sees_all
from ingest_service.errors import ReadingDeniedError, SubmissionNotFoundError
from ingest_service.storage.ports import ChunkStore, SubmissionStore
from ingest_service.storage.tables import TableStore
from lake import ReadDecision
from servicekit.auth import Principal
from servicekit.errors import Text

__all__ = ["FindingsPage", "SubmissionService"]

FindingsPage = tuple[Sequence[Finding], tuple[str, int] | None]
_QUARANTINE, _KEPT = "quarantine", "kept"


class SubmissionService:
    """Reads submissions and findings as far as the caller may."""

    def __init__(
        self, submissions: SubmissionStore, chunks: ChunkStore, tables: TableStore, catalog: Catalog
    ) -> None:
        self._submissions, self._chunks, self._tables, self._catalog = submissions, chunks, tables, catalog

    async def get_submission(self, principal: Principal, submission_id: str) -> Submission:
        """A submission; SubmissionNotFoundError when there is none or the caller may not know of it."""
        submission = await self._submissions.get_submission(submission_id)
        if submission is None or not submission.visible_to(principal):
            raise SubmissionNotFoundError(
                Text(
                    en=f"{principal.username} sees no submissions/{submission_id}.",
                    id=f"submissions/{submission_id} tidak ada atau tidak terlihat oleh {principal.username}.",
                ),
                Text(en="List your submissions.", id="Lihat daftar kiriman Anda."),
            )
        return submission

    async def list_submissions(
        self, principal: Principal, *, dataset: str | None, before: str | None, limit: int
    ) -> tuple[Sequence[Submission], str | None]:
        """A page, newest first, and the key of the next."""
        owner = None if sees_all(principal) else principal.subject
        found = await self._submissions.list_submissions(
            owner=owner, dataset=dataset, before=before, limit=limit + 1
        )
        page = found[:limit]
        return page, page[-1].submission_id if len(found) > limit else None

    async def list_findings(
        self, principal: Principal, submission_id: str, *, after: tuple[str, int], limit: int
    ) -> FindingsPage:
        """Findings from a position on: first those kept with the submission, then its rows in quarantine.

        Raises:
            SubmissionNotFoundError: as of `get_submission`.
            ReadingDeniedError: the caller may not read the dataset's quarantine.
        """
        submission = await self.get_submission(principal, submission_id)
        readable = await self._catalog.decide_findings(principal, submission.dataset)
        decision = readable.decision
        if not decision.allowed:
            raise _denied(principal, submission.dataset, readable.ask)
        source, start = after
        found: list[Mapping[str, Any]] = []
        if source == _KEPT:
            if submission.findings_kept:
                _require_whole(principal, submission.dataset, decision, readable.ask)
                kept = self._chunks.list_findings(submission.findings_of, start, limit + 1)
                found = [row async for row in kept]
            if len(found) > limit:
                return [_finding(row) for row in found[:limit]], (_KEPT, start + limit)
            source, start = _QUARANTINE, 0
        room = limit - len(found)
        _require_searchable(principal, submission.dataset, decision, readable.ask)
        rows = await self._tables.read_quarantine(
            submission.dataset, decision, submission.findings_of, start, room + 1
        )
        more = (_QUARANTINE, start + room) if len(rows) > room else None
        return [_finding(row) for row in (*found, *rows[:room])], more

    async def require_findings(self, principal: Principal, submission: Submission) -> ReadDecision:
        """The decision of somebody who sees the submission's quarantined rows whole; ReadingDeniedError for others."""
        readable = await self._catalog.decide_findings(principal, submission.dataset)
        if not readable.decision.allowed:
            raise _denied(principal, submission.dataset, readable.ask)
        _require_whole(principal, submission.dataset, readable.decision, readable.ask)
        return readable.decision


def _finding(row: Mapping[str, Any]) -> Finding:
    """A record of the quarantine; a column that the decision hides is empty."""
    return Finding(
        row=row.get("source_row") or 0,
        column=row.get("column") or "",
        value=row.get("value") or "",
        rule=row.get("rule") or "",
        severity=Severity(row.get("severity") or "error"),
        message=Text(en=row.get("message_en") or "", id=row.get("message_id") or ""),
        remedy=Text(en=row.get("remedy_en") or "", id=row.get("remedy_id") or ""),
    )


def _denied(principal: Principal, dataset: str, ask: str) -> ReadingDeniedError:
    return ReadingDeniedError(
        Text(
            en=f"{principal.username} may not read the quarantined rows of datasets/{dataset}.",
            id=f"{principal.username} tidak berhak membaca baris karantina datasets/{dataset}.",
        ),
        Text(en=f"Ask {ask} for access.", id=f"Mintalah akses kepada {ask}.")
        if ask
        else Text(en="Ask the dataset's steward.", id="Hubungi wali data dataset ini."),
    )


def _require_searchable(principal: Principal, dataset: str, decision: ReadDecision, ask: str) -> None:
    """The submission's own rows can only be picked where its reference is not masked."""
    if "submission" in decision.masks or "submission" in decision.denied_columns:
        raise _denied(principal, dataset, ask)


def _require_whole(principal: Principal, dataset: str, decision: ReadDecision, ask: str) -> None:
    """Kept findings are no table: no filter and no mask can be applied to them, so this door refuses."""
    if decision.row_filter is not None or decision.masks or decision.denied_columns:
        raise _denied(principal, dataset, ask)
