"""What can go wrong, with stable reasons. Free of transport and drivers."""

from servicekit.errors import (
    AbortedError,
    DeadlineExceededError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    Text,
    UnavailableError,
)

__all__ = [
    "BadReportError",
    "DeployFailedError",
    "DeployTimeoutError",
    "IdempotencyError",
    "MalformedNameError",
    "ModelFileError",
    "ModelNotServedError",
    "ModelTooLargeError",
    "ServingUnavailableError",
    "SignatureError",
    "TensorError",
    "TensorTooLargeError",
    "UploadOrderError",
    "VersionConflictError",
    "VersionNotFoundError",
    "version_not_found",
]


class BadReportError(InvalidArgumentError):
    """What a replica reports of itself cannot be."""

    reason = "REPORT_MALFORMED"


class MalformedNameError(InvalidArgumentError):
    """A resource name is not written as it should be."""

    reason = "NAME_MALFORMED"


class UploadOrderError(InvalidArgumentError):
    """The messages of an upload do not come in the order that the method asks for."""

    reason = "UPLOAD_ORDER"


class ModelFileError(InvalidArgumentError):
    """The file cannot be accepted as a model."""

    reason = "MODEL_FILE_REFUSED"


class ModelTooLargeError(ResourceExhaustedError):
    """The file is over the limit."""

    reason = "MODEL_TOO_LARGE"


class SignatureError(InvalidArgumentError):
    """What the sender declared is not what the file has."""

    reason = "SIGNATURE_MISMATCH"


class IdempotencyError(FailedPreconditionError):
    """A request id came back with other content."""

    reason = "REQUEST_ID_REUSED"


class VersionConflictError(AbortedError):
    """Another registration of the same model was first."""

    reason = "VERSION_CONFLICT"


class VersionNotFoundError(NotFoundError):
    """There is no such version."""

    reason = "MODEL_VERSION_NOT_FOUND"


class ModelNotServedError(NotFoundError):
    """The model, or that version of it, is not served."""

    reason = "MODEL_NOT_SERVED"


class DeployFailedError(FailedPreconditionError):
    """The version does not load where it should be served."""

    reason = "DEPLOY_FAILED"


class DeployTimeoutError(DeadlineExceededError):
    """The version did not answer in time."""

    reason = "DEPLOY_TIMEOUT"


class ServingUnavailableError(UnavailableError):
    """The serving cluster does not answer."""

    reason = "SERVING_UNAVAILABLE"


class TensorError(InvalidArgumentError):
    """A tensor of a prediction does not fit the model."""

    reason = "TENSOR_INVALID"


class TensorTooLargeError(ResourceExhaustedError):
    """The tensors of a prediction are over the limit."""

    reason = "TENSOR_TOO_LARGE"


def version_not_found(name: str) -> VersionNotFoundError:
    """The error for a version that is not in the registry."""
    return VersionNotFoundError(
        Text(en=f"There is no {name}.", id=f"{name} tidak ada."),
        Text(
            en="List the versions with ListModelVersions (`models/-` for all).",
            id="Lihat daftarnya dengan ListModelVersions (`models/-` untuk semua).",
        ),
    )
