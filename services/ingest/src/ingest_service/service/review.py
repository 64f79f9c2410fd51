"""What people decide about submissions: certify, reject, withdraw, revert."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from ingest_service.clients.catalog import Catalog
from ingest_service.domain.submission import Step, StepAction, Submission, SubmissionState
from ingest_service.errors import (
    CertificationDeniedError,
    RequestIdReusedError,
    RevertRefusedError,
    SubmissionStateError,
    ValidatedContentError,
)
from ingest_service.service.outcomes import reverted_text
from ingest_service.service.reverting import Reverting
from ingest_service.service.submissions import SubmissionService
from ingest_service.storage.ports import ChunkStore, SubmissionChange, SubmissionStore
from ingest_service.storage.staged import StagedStore
from servicekit.auth import Principal
from servicekit.errors import InvalidArgumentError, Text

__all__ = ["ReviewService"]

_MAX_REASON = 2000
_MAX_REQUEST_ID = 128
_BEFORE_PUBLICATION = frozenset(
    {SubmissionState.VALIDATED, SubmissionState.CERTIFIED, SubmissionState.PUBLISHING}
)
_VALIDATED = frozenset({SubmissionState.VALIDATED})


class ReviewService:
    """Each decision is one step, done once per request id."""

    def __init__(
        self,
        submissions: SubmissionStore,
        service: SubmissionService,
        catalog: Catalog,
        reverting: Reverting,
        staged: StagedStore,
        chunks: ChunkStore,
    ) -> None:
        self._submissions, self._service, self._catalog = submissions, service, catalog
        self._reverting, self._staged, self._chunks = reverting, staged, chunks

    async def certify_submission(
        self,
        principal: Principal,
        submission_id: str,
        *,
        content_digest: str,
        control_totals: Mapping[str, str],
        request_id: str,
    ) -> Submission:
        """Releases a validated submission; `content_digest` and `control_totals` are those that the certifier saw.

        Raises:
            SubmissionNotFoundError, CertificationDeniedError, ValidatedContentError, SubmissionStateError,
            RequestIdReusedError.
        """
        submission = await self._service.get_submission(principal, submission_id)
        if submission.owner == principal.subject:
            raise CertificationDeniedError(
                Text(
                    en=f"{principal.username} sent submissions/{submission_id} and cannot certify it too.",
                    id=f"{principal.username} mengirim submissions/{submission_id}, jadi tidak dapat mengesahkannya.",
                ),
                Text(en="A second person certifies it.", id="Pengesahan dilakukan orang kedua."),
                reason="FOUR_EYES",
            )
        await self._require_reader(principal, submission)
        if submission.state in _VALIDATED:
            _require_same(submission, content_digest, control_totals)
            await self._require_turn(submission)
        step = Step(
            StepAction.CERTIFY,
            SubmissionState.CERTIFIED,
            principal.subject,
            principal.username,
            content_digest=content_digest,
            request_id=request_id or None,
        )
        change = SubmissionChange(
            state=SubmissionState.CERTIFIED,
            certifier=principal.username,
            message=Text(
                en=f"Certified by {principal.username}; is being published.",
                id=f"Disahkan oleh {principal.username}; sedang diterbitkan.",
            ),
        )
        return await self._do(submission, step, change, _VALIDATED, queued=True)

    async def _require_turn(self, submission: Submission) -> None:
        """A correction comes after what it mends."""
        if submission.correction_of is None:
            return
        mended = await self._submissions.get_submission(submission.correction_of)
        if mended is None or mended.state not in _BEFORE_PUBLICATION:
            return
        raise SubmissionStateError(
            Text(
                en=f"submissions/{mended.submission_id}, which it mends, is {mended.state.value}.",
                id=f"submissions/{mended.submission_id} yang diperbaiki berstatus {mended.state.value}.",
            ),
            Text(
                en="Certify that one first, and wait until it is published.",
                id="Sahkan kiriman itu dahulu, lalu tunggu sampai diterbitkan.",
            ),
            metadata={"state": mended.state.value},
        )

    async def _require_reader(self, principal: Principal, submission: Submission) -> None:
        """Who decides has to be able to see all that he answers for."""
        readable = await self._catalog.decide_certification(principal, submission.dataset)
        decision = readable.decision
        if decision.allowed and decision.row_filter is None and not decision.denied_columns:
            return
        raise CertificationDeniedError(
            Text(
                en=f"{principal.username} does not see all of datasets/{submission.dataset}, and cannot decide about it.",
                id=f"{principal.username} tidak melihat seluruh datasets/{submission.dataset}, jadi tidak dapat memutuskannya.",
            ),
            Text(
                en=f"Ask {readable.ask or 'the steward'} for access.",
                id=f"Mintalah akses kepada {readable.ask or 'wali data'}.",
            ),
        )

    async def reject_submission(
        self, principal: Principal, submission_id: str, *, reason: str, request_id: str
    ) -> Submission:
        """Refuses a validated submission. Errors as of `certify_submission`."""
        submission = await self._service.get_submission(principal, submission_id)
        await self._require_reader(principal, submission)
        said = _reason(reason)
        step = _step(StepAction.REJECT, SubmissionState.REJECTED, principal, said, request_id)
        change = SubmissionChange(
            state=SubmissionState.REJECTED,
            message=Text(
                en=f"Nothing was published: {principal.username} refused it: {said}",
                id=f"Tidak ada yang diterbitkan: ditolak {principal.username}: {said}",
            ),
        )
        return await self._end(submission, step, change)

    async def withdraw_submission(
        self, principal: Principal, submission_id: str, *, reason: str, request_id: str
    ) -> Submission:
        """Takes one's own submission back before it is certified. Errors as of `certify_submission`."""
        submission = await self._service.get_submission(principal, submission_id)
        if submission.owner != principal.subject:
            raise CertificationDeniedError(
                Text(
                    en=f"{submission.submitter} sent submissions/{submission_id}: only the sender takes it back.",
                    id=f"submissions/{submission_id} dikirim {submission.submitter}: hanya pengirim yang dapat menariknya.",
                ),
                Text(en="Reject it instead.", id="Tolak kiriman itu."),
                reason="NOT_THE_SENDER",
            )
        said = _reason(reason) if reason else ""
        step = _step(StepAction.WITHDRAW, SubmissionState.WITHDRAWN, principal, said, request_id)
        change = SubmissionChange(
            state=SubmissionState.WITHDRAWN,
            message=Text(
                en="Nothing was published: its sender took it back.",
                id="Tidak ada yang diterbitkan: ditarik kembali oleh pengirimnya.",
            ),
        )
        return await self._end(submission, step, change)

    async def _end(self, submission: Submission, step: Step, change: SubmissionChange) -> Submission:
        change = replace(change, rows=(submission.rows_read, 0, submission.rows_bad))
        ended = await self._do(submission, step, change, _VALIDATED, queued=False)
        await self._staged.clear(submission.submission_id)
        await self._chunks.delete_chunks(submission.upload_id)
        return ended

    async def revert_submission(
        self, principal: Principal, submission_id: str, *, reason: str, request_id: str
    ) -> Submission:
        """Begins to take a publication back.

        Raises:
            RevertRefusedError: later publications stand on it. The others as of `certify_submission`.
        """
        submission = await self._service.get_submission(principal, submission_id)
        await self._require_reader(principal, submission)
        said = _reason(reason)
        if submission.same_as is not None:
            raise RevertRefusedError(
                Text(
                    en=f"submissions/{submission_id} published nothing: its file is that of submissions/{submission.same_as}.",
                    id=f"submissions/{submission_id} tidak menerbitkan apa pun: berkasnya sama dengan submissions/{submission.same_as}.",
                ),
                Text(
                    en=f"Revert submissions/{submission.same_as}.",
                    id=f"Batalkan submissions/{submission.same_as}.",
                ),
                reason="SUBMISSION_STATE",
            )
        if submission.state.is_published:
            await self._reverting.require_revertible(submission)
        step = _step(StepAction.REVERT, SubmissionState.REVERTING, principal, said, request_id)
        change = SubmissionChange(state=SubmissionState.REVERTING, message=reverted_text(said))
        return await self._do(submission, step, change, frozenset({SubmissionState.PUBLISHED}), queued=True)

    async def list_steps(
        self, principal: Principal, submission_id: str, *, after: int, limit: int
    ) -> tuple[Sequence[Step], int | None]:
        """Steps from a position on, oldest first, and the position after them."""
        await self._service.get_submission(principal, submission_id)
        found = await self._submissions.list_steps(submission_id, max(after, 0), limit + 1)
        return found[:limit], after + limit if len(found) > limit else None

    async def _do(
        self,
        submission: Submission,
        step: Step,
        change: SubmissionChange,
        allowed: AbstractSet[SubmissionState],
        *,
        queued: bool,
    ) -> Submission:
        if step.request_id is not None and len(step.request_id) > _MAX_REQUEST_ID:
            raise InvalidArgumentError(
                Text(
                    en=f"A request id has at most {_MAX_REQUEST_ID} characters.",
                    id=f"Id permintaan paling panjang {_MAX_REQUEST_ID} karakter.",
                ),
                field="request_id",
            )
        moved = await self._submissions.move_submission(
            submission.submission_id, step, change, allowed, queued=queued
        )
        if moved.done:
            return moved.submission
        if moved.earlier is not None:
            same = (moved.earlier.action, moved.earlier.actor) == (step.action, step.actor)
            if same and moved.earlier.content_digest == step.content_digest:
                return moved.submission
            raise RequestIdReusedError(
                Text(
                    en=f"The request id {step.request_id!r} belongs to another step.",
                    id=f"Id permintaan {step.request_id!r} milik langkah lain.",
                ),
                Text(en="Use a fresh one.", id="Gunakan id baru."),
                field="request_id",
            )
        wanted = ", ".join(sorted(state.value for state in allowed))
        state = moved.submission.state.value
        raise SubmissionStateError(
            Text(
                en=f"submissions/{submission.submission_id} is {state}; this step is for one that is {wanted}.",
                id=f"submissions/{submission.submission_id} berstatus {state}; langkah ini untuk status {wanted}.",
            ),
            Text(
                en="Look at it again with `lumbung submissions show`.",
                id="Lihat lagi dengan `lumbung submissions show`.",
            ),
            metadata={"state": state},
        )


def _require_same(submission: Submission, digest: str, totals: Mapping[str, str]) -> None:
    differing = sorted(
        name
        for name in {*totals, *submission.control_totals}
        if totals.get(name) != submission.control_totals.get(name)
    )
    if digest == submission.content_digest and not differing:
        return
    what = f"content_digest {digest[:64]!r}" if digest != submission.content_digest else differing[0]
    raise ValidatedContentError(
        Text(
            en=f"{what} is not that of submissions/{submission.submission_id} as it was validated.",
            id=f"{what} bukan milik submissions/{submission.submission_id} sebagaimana divalidasi.",
        ),
        Text(
            en="Look at the submission again, and certify what it says now.",
            id="Lihat lagi kirimannya, lalu sahkan isinya yang sekarang.",
        ),
        field="content_digest" if digest != submission.content_digest else "control_totals",
    )


def _step(
    action: StepAction, state: SubmissionState, principal: Principal, reason: str, request_id: str
) -> Step:
    return Step(
        action, state, principal.subject, principal.username, reason=reason, request_id=request_id or None
    )


def _reason(text: str) -> str:
    said = " ".join(text.split())
    if not 0 < len(said) <= _MAX_REASON or not said.isprintable():
        raise InvalidArgumentError(
            Text(
                en=f"A reason has 1 to {_MAX_REASON} printable characters.",
                id=f"Alasan berisi 1 sampai {_MAX_REASON} karakter yang dapat dicetak.",
            ),
            Text(en="Say why in a sentence.", id="Tulis alasannya dalam satu kalimat."),
            field="reason",
        )
    return said
