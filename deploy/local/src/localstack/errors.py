"""Errors of the stack; the text is shown to the user as it is."""

from platformsetup.errors import NotReadyError, SetupError

__all__ = ["NotInstalledError", "NotReadyError", "PortTakenError", "SetupError", "StackError"]


class StackError(SetupError):
    """Something that the user has to mend; the message says what, where and how."""


class NotInstalledError(StackError):
    """A part's package is not in this environment."""


class PortTakenError(StackError):
    """A port that the stack needs belongs to somebody else."""
