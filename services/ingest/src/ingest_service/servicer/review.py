"""The part of SubmissionService in which people decide."""

from typing import Any

from ingest_service.converters import step_to_proto, submission_to_proto
from ingest_service.domain.names import submission_id
from ingest_service.pages import page_size, read_token, write_token
from ingest_service.service.review import ReviewService
from ingest_service.servicer.language import language_of
from lumbung.ingest.v1 import submission_service_pb2 as pb
from servicekit.auth import current_principal

__all__ = ["ReviewMethods"]


class ReviewMethods:
    """Methods of the servicer: certify, reject, withdraw, revert, and the steps that were taken."""

    _review: ReviewService

    async def CertifySubmission(self, request: Any, context: Any) -> pb.Submission:  # noqa: N802
        """Releases a validated submission."""
        done = await self._review.certify_submission(
            current_principal(),
            submission_id(request.name),
            content_digest=request.content_digest,
            control_totals=dict(request.control_totals),
            request_id=request.request_id,
        )
        return submission_to_proto(done, language_of(context))

    async def RejectSubmission(self, request: Any, context: Any) -> pb.Submission:  # noqa: N802
        """Refuses a validated submission."""
        done = await self._review.reject_submission(
            current_principal(),
            submission_id(request.name),
            reason=request.reason,
            request_id=request.request_id,
        )
        return submission_to_proto(done, language_of(context))

    async def WithdrawSubmission(self, request: Any, context: Any) -> pb.Submission:  # noqa: N802
        """Takes the caller's own submission back."""
        done = await self._review.withdraw_submission(
            current_principal(),
            submission_id(request.name),
            reason=request.reason,
            request_id=request.request_id,
        )
        return submission_to_proto(done, language_of(context))

    async def RevertSubmission(self, request: Any, context: Any) -> pb.Submission:  # noqa: N802
        """Takes a publication back."""
        done = await self._review.revert_submission(
            current_principal(),
            submission_id(request.name),
            reason=request.reason,
            request_id=request.request_id,
        )
        return submission_to_proto(done, language_of(context))

    async def ListSteps(self, request: Any, context: Any) -> pb.ListStepsResponse:  # noqa: N802
        """Lists what was done with a submission."""
        del context
        page, following = await self._review.list_steps(
            current_principal(),
            submission_id(request.parent, "parent"),
            after=read_token(request.page_token, (int,))[0] if request.page_token else 0,
            limit=page_size(request.page_size, default=100, most=1000),
        )
        return pb.ListStepsResponse(
            steps=[step_to_proto(step) for step in page],
            next_page_token=write_token([following]) if following else "",
        )
