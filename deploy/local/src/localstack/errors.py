"""Errors of the stack; the text is shown to the user as it is."""


class StackError(Exception):
    """Something that the user has to mend; the message says what, where and how."""


class NotReadyError(Exception):
    """A part runs but does not answer yet; the message is the reason."""


class NotInstalledError(StackError):
    """A part's package is not in this environment."""


class PortTakenError(StackError):
    """A port that the stack needs belongs to somebody else."""
