"""The error of this package; both languages are shown, as nobody's language is known in a job."""

from platformsetup.errors import SetupError
from servicekit.errors import Text

__all__ = ["BackupError"]


class BackupError(SetupError):
    """A backup cannot be made or not be restored: what is wrong, where, and what to do."""

    def __init__(self, text: Text) -> None:
        super().__init__(f"{text.en}\n{text.id}")
        self.text = text
