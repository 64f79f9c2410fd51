"""What the options before a command set, for the command to use."""

import os
from dataclasses import dataclass
from enum import StrEnum

from lumbung.texts import say, use_language

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lumbung.client import Client

__all__ = ["OutputFormat", "open_client", "options"]


class OutputFormat(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


@dataclass
class Options:
    """The options of this run of the command line."""

    gateway: str = ""
    output: OutputFormat = OutputFormat.TABLE
    language: str = "en"

    @property
    def json(self) -> bool:
        """Whether a program reads the output."""
        return self.output is OutputFormat.JSON

    def set_output(self, output: OutputFormat | None) -> None:
        """Sets the format, where the command line says nothing by LUMBUNG_OUTPUT.

        Raises:
            ApiError: LUMBUNG_OUTPUT is no format.
        """
        named = os.environ.get("LUMBUNG_OUTPUT", "")
        if output is None and named and named not in set(OutputFormat):
            from lumbung.errors import ApiError  # noqa: PLC0415

            raise ApiError(code="USAGE", reason="USAGE", message=say("output_unknown", value=named))
        self.output = output or OutputFormat(named or OutputFormat.TABLE)

    def set_language(self, language: str) -> None:
        """Sets the language: by option, else by LUMBUNG_LANGUAGE, else by the locale."""
        names = ("LUMBUNG_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
        wanted = language or next((os.environ[name] for name in names if os.environ.get(name)), "en")
        self.language = "id" if wanted.lower().startswith(("id", "in_")) else "en"
        use_language(self.language)


options = Options()


def open_client() -> "Client":
    """A client for this command."""
    from lumbung.client import connect  # noqa: PLC0415

    return connect(options.gateway or None, language=options.language)
