"""The kinds of error that a service raises."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence in both languages of the house."""

    en: str
    id: str

    def in_language(self, language: str) -> str:
        """The sentence in `language` ("id" or "en")."""
        return self.id if language == "id" else self.en


class LumbungError(Exception):
    """Base of every error that a caller may see.

    A subclass sets `reason`, a stable word in UPPER_SNAKE_CASE that programs may rely on.
    `message` says what is wrong, with the value and the place; `remedy` says what to do.
    """

    code: ClassVar[str] = "INTERNAL"
    reason: ClassVar[str] = "INTERNAL"

    def __init__(
        self,
        message: Text,
        remedy: Text | None = None,
        *,
        field: str | None = None,
        retry_after_seconds: float | None = None,
        metadata: dict[str, str] | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message.en)
        self.message = message
        self.remedy = remedy
        self.field = field
        self.retry_after_seconds = retry_after_seconds
        self.metadata = dict(metadata or {})
        self.stable_reason = reason or self.reason

    def sentence(self, language: str) -> str:
        """Message and remedy in one paragraph, in `language` ("id" or "en")."""
        parts = [self.message.in_language(language)]
        if self.remedy is not None:
            parts.append(self.remedy.in_language(language))
        return " ".join(parts)


class InvalidArgumentError(LumbungError):
    """The request is wrong whatever the state of the system."""

    code = "INVALID_ARGUMENT"
    reason = "INVALID_ARGUMENT"


class FailedPreconditionError(LumbungError):
    """The state of the system does not allow the request; repeating it changes nothing."""

    code = "FAILED_PRECONDITION"
    reason = "FAILED_PRECONDITION"


class NotFoundError(LumbungError):
    """There is no such thing, or the caller may not know of it."""

    code = "NOT_FOUND"
    reason = "NOT_FOUND"


class AlreadyExistsError(LumbungError):
    """There is such a thing already."""

    code = "ALREADY_EXISTS"
    reason = "ALREADY_EXISTS"


class UnauthenticatedError(LumbungError):
    """Nobody is signed in, or the token is not good."""

    code = "UNAUTHENTICATED"
    reason = "UNAUTHENTICATED"


class PermissionDeniedError(LumbungError):
    """The caller is known and may not do this."""

    code = "PERMISSION_DENIED"
    reason = "PERMISSION_DENIED"


class ResourceExhaustedError(LumbungError):
    """A limit of size, number or time is reached."""

    code = "RESOURCE_EXHAUSTED"
    reason = "RESOURCE_EXHAUSTED"


class AbortedError(LumbungError):
    """Another caller was first; try again from the start."""

    code = "ABORTED"
    reason = "ABORTED"


class DeadlineExceededError(LumbungError):
    """It took longer than allowed."""

    code = "DEADLINE_EXCEEDED"
    reason = "DEADLINE_EXCEEDED"


class UnavailableError(LumbungError):
    """A part that is needed does not answer now; try again later."""

    code = "UNAVAILABLE"
    reason = "UNAVAILABLE"


class InternalError(LumbungError):
    """The platform is at fault."""

    code = "INTERNAL"
    reason = "INTERNAL"
