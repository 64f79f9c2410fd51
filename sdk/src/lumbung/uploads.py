"""Uploads that go on where they were interrupted."""

# mypy: disable-error-code="no-any-return"
# A stub gives Any; what an operation says that it returns is what the proto says.

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import google_crc32c

from lumbung.calls import Awaiting, Blocking, Call, Operation, Work, operation
from lumbung.errors import ApiError
from lumbung.ingest.v1 import submission_service_pb2 as submission_pb
from lumbung.ingest.v1 import submission_service_pb2_grpc as submission_grpc
from lumbung.ingest.v1 import upload_service_pb2 as upload_pb
from lumbung.ingest.v1 import upload_service_pb2_grpc as upload_grpc
from lumbung.repeating import ATTEMPTS, RETRYABLE, collect, delay, poll, retrying
from lumbung.texts import say

__all__ = ["TERMINAL_STATES", "AsyncUploads", "Uploads"]

CHUNK_BYTES = 2 * 1024 * 1024
WRITE_SECONDS = 3600.0
FINISH_SECONDS = 120.0
# Where nothing more happens by itself: a validated submission waits for a second person.
TERMINAL_STATES = {
    submission_pb.Submission.STATE_PUBLISHED,
    submission_pb.Submission.STATE_SUPERSEDED,
    submission_pb.Submission.STATE_REJECTED,
    submission_pb.Submission.STATE_FAILED,
    submission_pb.Submission.STATE_VALIDATED,
    submission_pb.Submission.STATE_REVERTED,
    submission_pb.Submission.STATE_WITHDRAWN,
}
_uploads = upload_grpc.UploadServiceStub
_submissions = submission_grpc.SubmissionServiceStub

Progress = Callable[[int, int], None]


def _file_crc32c(path: Path) -> int:
    checksum = google_crc32c.Checksum()
    with path.open("rb") as file:
        while block := file.read(CHUNK_BYTES):
            checksum.update(block)
    return int.from_bytes(checksum.digest(), "big")


class _Chunks:
    """The chunks of a file from an offset on.

    A failure to read is kept in `failure`: gRPC would swallow it and say only that the call was cancelled.
    """

    def __init__(self, upload: upload_pb.Upload, path: Path, offset: int, progress: Progress | None) -> None:
        self._upload = upload
        self._path = path
        self._offset = offset
        self._progress = progress
        self.failure: Exception | None = None

    def __call__(self) -> Iterator[upload_pb.WriteUploadRequest]:
        try:
            yield from self._read()
        except Exception as error:  # noqa: BLE001 (raised again by whoever made the call)
            self.failure = error

    def _read(self) -> Iterator[upload_pb.WriteUploadRequest]:
        offset, total = self._offset, self._upload.size_bytes
        with self._path.open("rb") as file:
            file.seek(offset)
            while offset < total:
                data = file.read(min(CHUNK_BYTES, total - offset))
                if not data:
                    raise _changed(self._path)
                yield upload_pb.WriteUploadRequest(
                    name=self._upload.name, offset=offset, data=data, crc32c=google_crc32c.value(data)
                )
                offset += len(data)
                if self._progress is not None:
                    self._progress(offset, total)


def _changed(path: Path) -> ApiError:
    return ApiError(code="FAILED_PRECONDITION", reason="FILE_CHANGED", message=say("file_changed", file=path))


def _write(upload: upload_pb.Upload, path: Path, progress: Progress | None) -> Operation[None]:
    """Sends what is missing of an open upload; after a break it asks how far the platform is and goes on there."""
    offset, failures = upload.committed_bytes, 0
    while upload.state == upload_pb.Upload.STATE_OPEN and offset < upload.size_bytes:
        chunks = _Chunks(upload, path, offset, progress)
        problem: ApiError | None = None
        try:
            answer = yield Call(_uploads, "WriteUpload", chunks, WRITE_SECONDS)
            reached = answer.committed_bytes
        except ApiError as error:
            problem = error
        if chunks.failure is not None:
            raise chunks.failure
        if problem is not None:
            if problem.code not in RETRYABLE and problem.reason != "OFFSET_MISMATCH":
                raise problem
            yield delay(failures, problem)
            request = upload_pb.GetUploadRequest(name=upload.name)
            upload = yield from retrying(Call(_uploads, "GetUpload", request))
            reached = upload.committed_bytes
        failures = 0 if reached > offset else failures + 1
        if failures >= ATTEMPTS:
            raise problem or ApiError(
                code="ABORTED",
                reason="UPLOAD_STUCK",
                message=say("upload_stuck", name=upload.name, offset=offset),
            )
        offset = reached


class _Uploads:
    @operation
    def send(
        self,
        path: str | os.PathLike[str],
        dataset: str,
        *,
        request_id: str = "",
        correction_of: str = "",
        progress: Progress | None = None,
    ) -> Operation[submission_pb.Submission]:
        """Uploads a file to `dataset` and returns its submission, which validation then takes up.

        With `correction_of` the file mends bad rows of that submission, as `client.submissions.download_bad_rows`
        gave them.

        An interrupted connection is resumed. The same `request_id` goes on with the same upload, also from another
        process; `progress(bytes_sent, bytes_total)` is called as it goes, from another thread.
        """
        file = Path(path)
        size = file.stat().st_size
        opened = upload_pb.CreateUploadRequest(
            upload=upload_pb.Upload(
                dataset=f"datasets/{dataset}",
                file_name=file.name,
                size_bytes=size,
                correction_of=correction_of,
            ),
            request_id=request_id or str(uuid.uuid4()),
        )
        upload = yield from retrying(Call(_uploads, "CreateUpload", opened))
        yield from _write(upload, file, progress)
        crc32c = yield Work(lambda: _file_crc32c(file))
        if file.stat().st_size != size:
            raise _changed(file)
        request = upload_pb.FinishUploadRequest(name=upload.name, crc32c=crc32c)
        return (yield from retrying(Call(_uploads, "FinishUpload", request, FINISH_SECONDS)))

    @operation
    def get(self, name: str) -> Operation[submission_pb.Submission]:
        """A submission, `submissions/{submission}`."""
        return (yield Call(_submissions, "GetSubmission", submission_pb.GetSubmissionRequest(name=name)))

    @operation
    def wait(
        self,
        name: str,
        timeout_seconds: float = 600.0,
        progress: Callable[[submission_pb.Submission], None] | None = None,
    ) -> Operation[submission_pb.Submission]:
        """Waits until a submission has ended, or waits for a second person, through short outages of the platform.

        Raises:
            ApiError: DEADLINE_EXCEEDED when it takes longer.
        """
        return (
            yield from poll(
                Call(_submissions, "GetSubmission", submission_pb.GetSubmissionRequest(name=name)),
                lambda submission: submission.state in TERMINAL_STATES,
                timeout_seconds,
                lambda: ApiError(
                    code="DEADLINE_EXCEEDED",
                    reason="SUBMISSION_SLOW",
                    message=say("submission_slow", name=name, seconds=timeout_seconds),
                ),
                progress,
            )
        )

    @operation
    def findings(self, name: str, limit: int = 100) -> Operation[list[submission_pb.Finding]]:
        """What is wrong with the rows of a submission, at most `limit`."""

        def page(size: int, token: str) -> Call:
            request = submission_pb.ListFindingsRequest(parent=name, page_size=size, page_token=token)
            return Call(_submissions, "ListFindings", request, 60.0)

        return (yield from collect(page, "findings", limit))

    @operation
    def list_submissions(
        self, dataset: str = "", limit: int = 50
    ) -> Operation[list[submission_pb.Submission]]:
        """The newest submissions, of one dataset if it is named."""

        def page(size: int, token: str) -> Call:
            request = submission_pb.ListSubmissionsRequest(
                page_size=size, page_token=token, dataset=f"datasets/{dataset}" if dataset else ""
            )
            return Call(_submissions, "ListSubmissions", request)

        return (yield from collect(page, "submissions", limit))


class Uploads(_Uploads, Blocking):
    """Sends files and follows their submissions."""


class AsyncUploads(_Uploads, Awaiting):
    """`Uploads`, to be awaited."""
