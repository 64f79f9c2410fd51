"""Errors that know no transport: ten kinds, named after the canonical codes of gRPC."""

from servicekit.errors.kinds import (
    AbortedError,
    AlreadyExistsError,
    DeadlineExceededError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    LumbungError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    Text,
    UnauthenticatedError,
    UnavailableError,
)

__all__ = [
    "AbortedError",
    "AlreadyExistsError",
    "DeadlineExceededError",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "LumbungError",
    "NotFoundError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "Text",
    "UnauthenticatedError",
    "UnavailableError",
]
