"""What people decide about submissions, and what they read before they do."""

# mypy: disable-error-code="no-any-return"
# A stub gives Any; what an operation says that it returns is what the proto says.

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, TypeVar

from google.api import httpbody_pb2

from lumbung.calls import Awaiting, Blocking, Call, Operation, operation
from lumbung.errors import ApiError
from lumbung.ingest.v1 import submission_service_pb2 as pb
from lumbung.ingest.v1 import submission_service_pb2_grpc as pb_grpc
from lumbung.repeating import collect, retrying
from lumbung.texts import say

__all__ = ["AsyncSubmissions", "Submissions"]

T = TypeVar("T")

_stub = pb_grpc.SubmissionServiceStub
_DOWNLOAD_SECONDS = 600.0
_REPORTS = {
    ".html": pb.DownloadReportRequest.FORMAT_HTML,
    ".xlsx": pb.DownloadReportRequest.FORMAT_XLSX,
    ".json": pb.DownloadReportRequest.FORMAT_JSON,
}
_ROWS = {".csv": pb.DownloadBadRowsRequest.FORMAT_CSV, ".xlsx": pb.DownloadBadRowsRequest.FORMAT_XLSX}


def _format(path: Path, formats: Mapping[str, T]) -> T:
    """The format that a file's name asks for."""
    try:
        return formats[path.suffix.lower()]
    except KeyError:
        names = ", ".join(sorted(formats))
        raise ApiError(
            code="USAGE", reason="USAGE", message=say("suffix_unknown", file=path, names=names)
        ) from None


def _download(method: str, request: object, path: Path) -> Operation[Path]:
    """Writes a download beside `path` and gives it its name when it is whole."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    file: BinaryIO
    try:
        with partial.open("xb") as file:
            yield Call(_stub, method, request, _DOWNLOAD_SECONDS, lambda piece: _write(file, piece))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _write(file: BinaryIO, piece: httpbody_pb2.HttpBody) -> None:
    file.write(piece.data)


class _Submissions:
    @operation
    def certify(
        self,
        name: str,
        *,
        content_digest: str,
        control_totals: dict[str, str],
        request_id: str = "",
    ) -> Operation[pb.Submission]:
        """Releases a validated submission of somebody else; digest and totals are those that the certifier saw.

        Then `client.uploads.wait` tells when it is published.
        """
        request = pb.CertifySubmissionRequest(
            name=name,
            content_digest=content_digest,
            control_totals=control_totals,
            request_id=request_id or str(uuid.uuid4()),
        )
        return (yield from retrying(Call(_stub, "CertifySubmission", request)))

    @operation
    def reject(self, name: str, reason: str, *, request_id: str = "") -> Operation[pb.Submission]:
        """Refuses a validated submission."""
        request = pb.RejectSubmissionRequest(
            name=name, reason=reason, request_id=request_id or str(uuid.uuid4())
        )
        return (yield from retrying(Call(_stub, "RejectSubmission", request)))

    @operation
    def withdraw(self, name: str, reason: str = "", *, request_id: str = "") -> Operation[pb.Submission]:
        """Takes the caller's own submission back before it is certified."""
        request = pb.WithdrawSubmissionRequest(
            name=name, reason=reason, request_id=request_id or str(uuid.uuid4())
        )
        return (yield from retrying(Call(_stub, "WithdrawSubmission", request)))

    @operation
    def revert(self, name: str, reason: str, *, request_id: str = "") -> Operation[pb.Submission]:
        """Takes a publication back; `client.uploads.wait` tells when it is done."""
        request = pb.RevertSubmissionRequest(
            name=name, reason=reason, request_id=request_id or str(uuid.uuid4())
        )
        return (yield from retrying(Call(_stub, "RevertSubmission", request)))

    @operation
    def steps(self, name: str, limit: int = 100) -> Operation[list[pb.Step]]:
        """Who did what with a submission, and when, oldest first."""

        def page(size: int, token: str) -> Call:
            request = pb.ListStepsRequest(parent=name, page_size=size, page_token=token)
            return Call(_stub, "ListSteps", request)

        return (yield from collect(page, "steps", limit))

    @operation
    def download_report(self, name: str, path: str | os.PathLike[str]) -> Operation[Path]:
        """Writes the validation report to a file that ends in `.html`, `.xlsx` or `.json`; gives its path."""
        target = Path(path)
        request = pb.DownloadReportRequest(name=name, format=_format(target, _REPORTS))
        return (yield from _download("DownloadReport", request, target))

    @operation
    def download_bad_rows(self, name: str, path: str | os.PathLike[str]) -> Operation[Path]:
        """Writes the rows that are left to be mended to a file that ends in `.csv` or `.xlsx`; gives its path."""
        target = Path(path)
        request = pb.DownloadBadRowsRequest(name=name, format=_format(target, _ROWS))
        return (yield from _download("DownloadBadRows", request, target))

    @operation
    def compare(self, name: str, max_rows: int = 100) -> Operation[pb.CompareSubmissionResponse]:
        """What a submission changes in its dataset, before it is certified or after it was published."""
        request = pb.CompareSubmissionRequest(name=name, max_rows=max_rows)
        return (yield Call(_stub, "CompareSubmission", request, 300.0))


class Submissions(_Submissions, Blocking):
    """Certifies, reverts, and downloads what that needs."""


class AsyncSubmissions(_Submissions, Awaiting):
    """`Submissions`, to be awaited."""
