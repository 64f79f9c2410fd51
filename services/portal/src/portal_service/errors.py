"""Errors that a page explains."""

from servicekit.errors import InvalidArgumentError, UnauthenticatedError, UnavailableError

__all__ = ["BadReturnPathError", "SignInError", "SignInUnavailableError"]


class BadReturnPathError(InvalidArgumentError):
    """The page to return to after sign-in is not one of the portal's own."""

    reason = "RETURN_PATH_FOREIGN"


class SignInError(UnauthenticatedError):
    """The sign-in service refused, or the answer does not belong to this browser."""

    reason = "SIGN_IN_FAILED"


class SignInUnavailableError(UnavailableError):
    """The sign-in service does not answer."""

    reason = "SIGN_IN_UNAVAILABLE"
