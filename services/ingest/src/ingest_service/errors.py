"""What ingest refuses, each with a stable reason."""

from servicekit.errors import (
    AbortedError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    Text,
    UnavailableError,
)

__all__ = [
    "BadChunkError",
    "CertificationDeniedError",
    "ContractError",
    "CorrectionRefusedError",
    "DuplicateInFlightError",
    "FileTooLargeError",
    "FileUnreadableError",
    "NotUploadableError",
    "OffsetMismatchError",
    "ReadingDeniedError",
    "RejectedChunkError",
    "RequestIdReusedError",
    "RevertRefusedError",
    "SourceAwayError",
    "SourceError",
    "SourceInvalidError",
    "SourceNotFoundError",
    "SourceRunNotFoundError",
    "SubmissionNotFoundError",
    "SubmissionStateError",
    "UploadContendedError",
    "UploadIncompleteError",
    "UploadNotFoundError",
    "UploadNotOpenError",
    "ValidatedContentError",
    "WindowClosedError",
    "WritingDeniedError",
]


class ContractError(InvalidArgumentError):
    """A contract does not follow the language; the message names the place."""

    reason = "CONTRACT_INVALID"


class FileUnreadableError(InvalidArgumentError):
    """No contract can be drafted from the file; the message says why."""

    reason = "FILE_UNREADABLE"


class NotUploadableError(FailedPreconditionError):
    """The dataset takes no files: a pipeline writes it."""

    reason = "DATASET_NOT_UPLOADABLE"


class WritingDeniedError(PermissionDeniedError):
    """The caller may not write the dataset, or there is none: both look alike."""

    reason = "WRITING_DENIED"


class ReadingDeniedError(PermissionDeniedError):
    """The caller may not read the quarantine of the dataset."""

    reason = "READING_DENIED"


class UploadNotFoundError(NotFoundError):
    """There is no such upload, or it is somebody else's."""

    reason = "UPLOAD_NOT_FOUND"


class UploadNotOpenError(FailedPreconditionError):
    """The upload is finished, cancelled or expired."""

    reason = "UPLOAD_NOT_OPEN"


class UploadIncompleteError(FailedPreconditionError):
    """Bytes are missing, or the whole file's checksum differs."""

    reason = "UPLOAD_INCOMPLETE"


class UploadContendedError(AbortedError):
    """Another writer stored a chunk at the same place."""

    reason = "UPLOAD_CONTENDED"


class OffsetMismatchError(FailedPreconditionError):
    """A chunk does not begin where the stored bytes end."""

    reason = "OFFSET_MISMATCH"


class BadChunkError(InvalidArgumentError):
    """A chunk is empty, too large, or its checksum differs."""

    reason = "BAD_CHUNK"


class FileTooLargeError(ResourceExhaustedError):
    """The file is larger than the platform takes."""

    reason = "FILE_TOO_LARGE"


class RequestIdReusedError(InvalidArgumentError):
    """A request id came again with other content."""

    reason = "REQUEST_ID_REUSED"


class SubmissionNotFoundError(NotFoundError):
    """There is no such submission among those that the caller may see."""

    reason = "SUBMISSION_NOT_FOUND"


class SubmissionStateError(FailedPreconditionError):
    """The submission does not stand where this step begins."""

    reason = "SUBMISSION_STATE"


class CertificationDeniedError(PermissionDeniedError):
    """The caller may not release this submission: it is his own, or he sees only part of the dataset."""

    reason = "CERTIFICATION_DENIED"


class ValidatedContentError(FailedPreconditionError):
    """What the certifier names is not what was validated."""

    reason = "CONTENT_MISMATCH"


class RevertRefusedError(FailedPreconditionError):
    """Later submissions built on this one."""

    reason = "BUILT_UPON"


class CorrectionRefusedError(FailedPreconditionError):
    """The bad rows of this submission cannot be mended by themselves."""

    reason = "CORRECTION_REFUSED"


class WindowClosedError(FailedPreconditionError):
    """The contract takes files at other times."""

    reason = "WINDOW_CLOSED"


class DuplicateInFlightError(UnavailableError):
    """The same file is being published by another submission; try again when that one has ended."""

    reason = "DUPLICATE_IN_FLIGHT"

    def __init__(self, submission_id: str) -> None:
        super().__init__(
            Text(
                en=f"The same file is being published as submissions/{submission_id}.",
                id=f"Berkas yang sama sedang diterbitkan sebagai submissions/{submission_id}.",
            ),
            retry_after_seconds=2.0,
        )


class SourceInvalidError(InvalidArgumentError):
    """A source's declaration does not follow the language; the message names the place."""

    reason = "SOURCE_INVALID"


class SourceNotFoundError(NotFoundError):
    """There is no such source."""

    reason = "SOURCE_NOT_FOUND"


class SourceRunNotFoundError(NotFoundError):
    """There is no such run of this source."""

    reason = "SOURCE_RUN_NOT_FOUND"


class SourceError(FailedPreconditionError):
    """A source cannot be read as it is declared: trying again changes nothing. The reason says why."""

    reason = "SOURCE_REFUSED"


class SourceAwayError(UnavailableError):
    """A source does not answer, or gave up half way; it may answer later."""

    reason = "SOURCE_AWAY"


class RejectedChunkError(FailedPreconditionError):
    """What a source gave broke a fatal rule of the contract: nothing of it is published."""

    reason = "REJECTED"
