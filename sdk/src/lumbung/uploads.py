"""Uploads that go on where they were interrupted."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import google_crc32c
import grpc

from lumbung.errors import ApiError
from lumbung.ingest.v1 import submission_service_pb2 as submission_pb
from lumbung.ingest.v1 import submission_service_pb2_grpc as submission_grpc
from lumbung.ingest.v1 import upload_service_pb2 as upload_pb
from lumbung.ingest.v1 import upload_service_pb2_grpc as upload_grpc
from lumbung.transport import api_errors

__all__ = ["TERMINAL_STATES", "Uploads"]

CHUNK_BYTES = 2 * 1024 * 1024
ATTEMPTS = 6
_RETRYABLE = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED"}
TERMINAL_STATES = {
    submission_pb.Submission.STATE_PUBLISHED,
    submission_pb.Submission.STATE_REJECTED,
    submission_pb.Submission.STATE_FAILED,
}

Progress = Callable[[int, int], None]


def _file_crc32c(path: Path) -> int:
    checksum = google_crc32c.Checksum()
    with path.open("rb") as file:
        while block := file.read(CHUNK_BYTES):
            checksum.update(block)
    return int.from_bytes(checksum.digest(), "big")


class Uploads:
    """Sends files and follows their submissions."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._uploads = upload_grpc.UploadServiceStub(channel)
        self._submissions = submission_grpc.SubmissionServiceStub(channel)

    def send(
        self, path: Path, dataset: str, *, request_id: str = "", progress: Progress | None = None
    ) -> submission_pb.Submission:
        """Uploads a file to `dataset` and returns its submission, which validation then takes up.

        An interrupted connection is resumed. The same `request_id` goes on with the same upload, also from another
        process; `progress(bytes_sent, bytes_total)` is called as it goes.
        """
        size = path.stat().st_size
        with api_errors():
            upload = self._uploads.CreateUpload(
                upload_pb.CreateUploadRequest(
                    upload=upload_pb.Upload(
                        dataset=f"datasets/{dataset}", file_name=path.name, size_bytes=size
                    ),
                    request_id=request_id or str(uuid.uuid4()),
                ),
                timeout=30,
            )
        self._write_all(upload, path, progress)
        with api_errors():
            request = upload_pb.FinishUploadRequest(name=upload.name, crc32c=_file_crc32c(path))
            submission: submission_pb.Submission = self._uploads.FinishUpload(request, timeout=120)
        return submission

    def _write_all(self, upload: upload_pb.Upload, path: Path, progress: Progress | None) -> None:
        offset, failures = upload.committed_bytes, 0
        while upload.state == upload_pb.Upload.STATE_OPEN and offset < upload.size_bytes:
            try:
                with api_errors():
                    answer = self._uploads.WriteUpload(
                        self._chunks(upload.name, path, offset, progress), timeout=3600
                    )
                offset = answer.committed_bytes
            except ApiError as error:
                failures += 1
                if error.code not in _RETRYABLE or failures >= ATTEMPTS:
                    raise
                time.sleep(min(0.2 * 2**failures, 5.0))
                with api_errors():
                    request = upload_pb.GetUploadRequest(name=upload.name)
                    offset = self._uploads.GetUpload(request, timeout=30, wait_for_ready=True).committed_bytes

    @staticmethod
    def _chunks(
        name: str, path: Path, offset: int, progress: Progress | None
    ) -> Iterator[upload_pb.WriteUploadRequest]:
        total = path.stat().st_size
        with path.open("rb") as file:
            file.seek(offset)
            while data := file.read(CHUNK_BYTES):
                crc = google_crc32c.value(data)
                yield upload_pb.WriteUploadRequest(name=name, offset=offset, data=data, crc32c=crc)
                offset += len(data)
                if progress is not None:
                    progress(offset, total)

    def get(self, name: str) -> submission_pb.Submission:
        """A submission, `submissions/{submission}`."""
        with api_errors():
            answer: submission_pb.Submission = self._submissions.GetSubmission(
                submission_pb.GetSubmissionRequest(name=name), timeout=30
            )
        return answer

    def wait(self, name: str, timeout_seconds: float = 600.0) -> submission_pb.Submission:
        """Waits until a submission is published, rejected or failed.

        Raises:
            ApiError: DEADLINE_EXCEEDED when it takes longer.
        """
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            submission = self.get(name)
            if submission.state in TERMINAL_STATES:
                return submission
            time.sleep(0.3)
        raise ApiError(
            code="DEADLINE_EXCEEDED",
            reason="SUBMISSION_SLOW",
            message=f"{name} is still not done after {timeout_seconds:.0f} s. Look again with `lumbung submissions show`.",
        )

    def findings(self, name: str, limit: int = 100) -> list[submission_pb.Finding]:
        """What is wrong with the rows of a submission, at most `limit`."""
        found: list[submission_pb.Finding] = []
        token = ""
        while len(found) < limit:
            with api_errors():
                page = self._submissions.ListFindings(
                    submission_pb.ListFindingsRequest(
                        parent=name, page_size=min(limit - len(found), 1000), page_token=token
                    ),
                    timeout=60,
                )
            found.extend(page.findings)
            token = page.next_page_token
            if not token:
                break
        return found

    def list_submissions(self, dataset: str = "", limit: int = 50) -> list[submission_pb.Submission]:
        """The newest submissions, of one dataset if it is named."""
        with api_errors():
            page = self._submissions.ListSubmissions(
                submission_pb.ListSubmissionsRequest(
                    page_size=limit, dataset=f"datasets/{dataset}" if dataset else ""
                ),
                timeout=30,
            )
        return list(page.submissions)
