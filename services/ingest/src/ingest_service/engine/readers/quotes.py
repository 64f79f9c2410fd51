"""Finds a quote that is opened and never closed: a parser would take the rest of the file for one value."""

import re
from pathlib import Path

from ingest_service.domain.contract import Format
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.readers.encodings import without_mark

__all__ = ["check_quotes"]

_BLOCK = 1024 * 1024


def check_quotes(path: Path, form: Format, encoding: str, quotes: int) -> None:
    """Looks at every field only where the number of quotes in the file is odd.

    Raises:
        FatalFileError: names the line in which the value begins that has no end.
    """
    if quotes % 2 == 0:
        return
    opened = _open_at_end(path, form, encoding)
    if opened is None:
        return
    line, text = opened
    raise FatalFileError.of(
        "file",
        f"The quote {form.quote} opened in line {line} is never closed: the rest of the file would be one value.",
        f"Tanda kutip {form.quote} yang dibuka pada baris {line} tidak ditutup: sisa berkas akan menjadi satu nilai.",
        f"Close the quote in line {line}, or write a quote inside a value twice.",
        f"Tutup tanda kutip pada baris {line}, atau tulis dua kali tanda kutip di dalam nilai.",
        value=text,
        row=line,
    )


def _open_at_end(path: Path, form: Format, encoding: str) -> tuple[int, str] | None:
    """Line and beginning of the value that is open where the file ends."""
    walk = _Walk(form.quote)
    marks = re.compile(f"[{re.escape(form.quote + form.delimiter)}\n\r]")
    with path.open(encoding=without_mark(encoding), newline="") as stream:
        while block := stream.read(_BLOCK):
            after = 0
            for match in marks.finditer(block):
                if match.start() > after:
                    walk.plain()
                walk.mark(match.group(), block, match.start())
                after = match.end()
            if after < len(block):
                walk.plain()
    return (walk.opened, walk.text) if walk.inside else None


class _Walk:
    """Goes from mark to mark: a quote opens a value where a field begins, and one after a closing quote goes on with it."""

    def __init__(self, quote: str) -> None:
        self._quote = quote
        self.inside = False
        self.opened, self.text = 0, ""
        self._line = 1
        self._fresh, self._closed = True, False

    def plain(self) -> None:
        """Other characters."""
        self._fresh = self._closed = False

    def mark(self, mark: str, block: str, place: int) -> None:
        """A quote, a delimiter or an end of line."""
        if mark == "\n":
            self._line += 1
        if mark != self._quote:
            self._fresh, self._closed = not self.inside, False
        elif self.inside:
            self.inside, self._closed = False, True
        elif self._fresh or self._closed:
            if self._fresh:
                self.opened = self._line
                self.text = block[place : place + 60].partition("\n")[0].rstrip("\r")
            self.inside, self._fresh, self._closed = True, False, False
