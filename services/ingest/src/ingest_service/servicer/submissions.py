"""SubmissionService over gRPC."""

from typing import Any

from ingest_service.converters import finding_to_proto, submission_to_proto
from ingest_service.domain.names import dataset_id, submission_id
from ingest_service.pages import page_size, read_token, write_token
from ingest_service.service.comparison import ComparisonService
from ingest_service.service.reports import ReportService
from ingest_service.service.review import ReviewService
from ingest_service.service.submissions import SubmissionService
from ingest_service.servicer.downloads import DownloadMethods
from ingest_service.servicer.language import language_of
from ingest_service.servicer.review import ReviewMethods
from lumbung.ingest.v1 import submission_service_pb2 as pb
from lumbung.ingest.v1 import submission_service_pb2_grpc as pb_grpc
from servicekit.auth import current_principal

__all__ = ["SubmissionServicer"]


class SubmissionServicer(ReviewMethods, DownloadMethods, pb_grpc.SubmissionServiceServicer):  # type: ignore[misc]
    """Shows what became of uploaded files, and takes people's decisions about them."""

    def __init__(
        self,
        service: SubmissionService,
        review: ReviewService,
        reports: ReportService,
        comparison: ComparisonService,
    ) -> None:
        self._service, self._review = service, review
        self._reports, self._comparison = reports, comparison

    async def GetSubmission(self, request: Any, context: Any) -> pb.Submission:  # noqa: N802
        """Gets a submission."""
        found = await self._service.get_submission(current_principal(), submission_id(request.name))
        return submission_to_proto(found, language_of(context))

    async def ListSubmissions(self, request: Any, context: Any) -> pb.ListSubmissionsResponse:  # noqa: N802
        """Lists submissions, newest first."""
        page, following = await self._service.list_submissions(
            current_principal(),
            dataset=dataset_id(request.dataset) if request.dataset else None,
            before=read_token(request.page_token, (str,))[0] if request.page_token else None,
            limit=page_size(request.page_size, default=50, most=1000),
        )
        language = language_of(context)
        return pb.ListSubmissionsResponse(
            submissions=[submission_to_proto(submission, language) for submission in page],
            next_page_token=write_token([following]) if following else "",
        )

    async def ListFindings(self, request: Any, context: Any) -> pb.ListFindingsResponse:  # noqa: N802
        """Lists what is wrong with the rows of a submission."""
        start = read_token(request.page_token, (str, int)) if request.page_token else ("kept", 0)
        page, following = await self._service.list_findings(
            current_principal(),
            submission_id(request.parent, "parent"),
            after=(start[0], start[1]),
            limit=page_size(request.page_size, default=100, most=1000),
        )
        language = language_of(context)
        return pb.ListFindingsResponse(
            findings=[finding_to_proto(finding, language) for finding in page],
            next_page_token=write_token(list(following)) if following else "",
        )
