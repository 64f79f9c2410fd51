"""Errors of setting up; the text is shown to the operator as it is."""


class SetupError(Exception):
    """Waiting does not help: somebody has to mend what the message names."""


class NotReadyError(Exception):
    """A server runs but does not answer yet, or not as it will; the message is the reason."""
