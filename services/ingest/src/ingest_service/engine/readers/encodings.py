"""What encoding a text file is in, where the contract leaves that to the file."""

import codecs
from pathlib import Path

from ingest_service.domain.contract import Format
from ingest_service.engine.fatal import FatalFileError

__all__ = ["encoding_of", "without_mark"]

# UTF-32 before UTF-16: its mark begins with the other's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = 1024 * 1024


def encoding_of(path: Path, form: Format) -> str:
    """The declared encoding; with `detect` that of the byte order mark, else UTF-8 where all bytes fit, else cp1252.

    Raises:
        FatalFileError: the mark is of another encoding than the declared one.
    """
    with path.open("rb") as stream:
        start = stream.read(4)
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    if form.encoding != "detect":
        if marked is not None and not form.encoding.startswith(marked):
            raise FatalFileError.of(
                "file",
                f"The file is in {marked}, as its first bytes say, and the contract says {form.encoding}.",
                f"Berkas memakai {marked} menurut bita awalnya, sedangkan kontrak menyebut {form.encoding}.",
                f"Save the file as {form.encoding}.",
                f"Simpan berkas sebagai {form.encoding}.",
                value=marked,
            )
        return form.encoding
    return marked or ("utf-8" if _is_utf8(path) else "cp1252")


def without_mark(encoding: str) -> str:
    """The name by which Python reads this encoding and drops a byte order mark at the beginning."""
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
