"""The part of SubmissionService that answers with files, and the comparison."""

from collections.abc import AsyncIterator
from typing import Any

from google.api import httpbody_pb2

from ingest_service.converters import comparison_to_proto
from ingest_service.domain.names import submission_id
from ingest_service.pages import page_size
from ingest_service.service.comparison import ComparisonService
from ingest_service.service.reports import Form, ReportService
from ingest_service.servicer.language import language_of
from lumbung.ingest.v1 import submission_service_pb2 as pb
from servicekit.auth import current_principal

__all__ = ["DownloadMethods"]

_REPORTS = {
    pb.DownloadReportRequest.FORMAT_UNSPECIFIED: Form.HTML,
    pb.DownloadReportRequest.FORMAT_HTML: Form.HTML,
    pb.DownloadReportRequest.FORMAT_XLSX: Form.XLSX,
    pb.DownloadReportRequest.FORMAT_JSON: Form.JSON,
}
_BAD_ROWS = {
    pb.DownloadBadRowsRequest.FORMAT_CSV: Form.CSV,
    pb.DownloadBadRowsRequest.FORMAT_XLSX: Form.XLSX,
}


class DownloadMethods:
    """Methods of the servicer: reports, bad rows, and what a publication changes."""

    _reports: ReportService
    _comparison: ComparisonService

    async def DownloadReport(self, request: Any, context: Any) -> AsyncIterator[httpbody_pb2.HttpBody]:  # noqa: N802
        """Downloads the validation report."""
        del context
        form = _REPORTS.get(request.format, Form.HTML)
        pieces = await self._reports.download_report(current_principal(), submission_id(request.name), form)
        async for piece in pieces:
            yield httpbody_pb2.HttpBody(content_type=form.content_type, data=piece)

    async def DownloadBadRows(self, request: Any, context: Any) -> AsyncIterator[httpbody_pb2.HttpBody]:  # noqa: N802
        """Downloads the rows that are left to be mended."""
        form, pieces = await self._reports.download_bad_rows(
            current_principal(),
            submission_id(request.name),
            _BAD_ROWS.get(request.format),
            language_of(context),
        )
        async for piece in pieces:
            yield httpbody_pb2.HttpBody(content_type=form.content_type, data=piece)

    async def CompareSubmission(self, request: Any, context: Any) -> pb.CompareSubmissionResponse:  # noqa: N802
        """Compares what a submission publishes with what was there before."""
        del context
        comparison = await self._comparison.compare_submission(
            current_principal(),
            submission_id(request.name),
            limit=page_size(request.max_rows, default=100, most=1000),
        )
        return comparison_to_proto(comparison)
