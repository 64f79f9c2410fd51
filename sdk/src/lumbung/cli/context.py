"""What the options before a command set, for the command to use."""

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

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

    def set_output(self, output: OutputFormat) -> None:
        """Sets the format, where the command line says nothing by LUMBUNG_OUTPUT."""
        named = os.environ.get("LUMBUNG_OUTPUT", "")
        use_named = output is OutputFormat.TABLE and named in set(OutputFormat)
        self.output = OutputFormat(named) if use_named else output

    def set_language(self, language: str) -> None:
        """Sets the language: by option, else by LUMBUNG_LANGUAGE, else by the locale."""
        wanted = language or os.environ.get("LUMBUNG_LANGUAGE") or os.environ.get("LANG", "en")
        self.language = "id" if wanted.lower().startswith(("id", "in_")) else "en"


options = Options()


def open_client() -> "Client":
    """A client for this command."""
    from lumbung.client import connect  # noqa: PLC0415

    return connect(options.gateway or None, language=options.language)
