"""Looks through a text file in bounded memory before anything parses it."""

import codecs
from dataclasses import dataclass
from pathlib import Path

from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits

__all__ = ["Looked", "check_text_file"]

_MAGIC = {
    b"PK\x03\x04": "ZIP/XLSX",
    b"PAR1": "Parquet",
    b"%PDF": "PDF",
    b"\x1f\x8b": "gzip",
    b"\xd0\xcf\x11\xe0": "XLS",
    b"\x89PNG": "PNG",
    b"\x28\xb5\x2f\xfd": "Zstandard",
}
# Every byte below 128 is the ASCII character.
_EXTEND_ASCII = frozenset({"ascii", "utf-8", "iso8859-1", "iso8859-15", "cp1252"})
_BLOCK = 1024 * 1024
_SHOWN = 20
_WIDE = ("utf-16", "utf-32", "utf_16", "utf_32")


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen in passing: whether 0x may stand anywhere, and how often the quote does."""

    hexadecimal: bool
    quotes: int


def check_text_file(
    path: Path, encoding: str, limits: ValidationLimits, quote: str = "", *, nul_pads: bool = False
) -> Looked:
    """Reads the file once. With `nul_pads` the byte 0 may stand in it.

    Raises:
        FatalFileError: it is binary, a line is too long, or bytes do not belong to the encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    wide = encoding.startswith(_WIDE)
    extends_ascii = encoding in _EXTEND_ASCII
    hexadecimal = not extends_ascii  # not looked for
    position = line_start = 0
    last = b""
    quotes = 0
    quoting = quote.encode("ascii")
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            if position == 0:
                _check_magic(block)
            if not wide and not nul_pads and b"\x00" in block:
                raise _has_nul(path, position + block.index(0))
            if quoting:
                quotes += block.count(quoting)
            line_start = _check_lines(block, position, line_start, limits.line_bytes)
            if not (extends_ascii and block.isascii() and not decoder.getstate()[0]):
                _decode(path, decoder, block, position, encoding)
            hexadecimal = hexadecimal or _has_hexadecimal(last, block)
            last = block[-1:]
            position += len(block)
    _decode(path, decoder, b"", position, encoding)
    return Looked(hexadecimal, quotes)


def _check_magic(block: bytes) -> None:
    for magic, name in _MAGIC.items():
        if block.startswith(magic):
            raise _binary(name)


def _binary(what: str) -> FatalFileError:
    return FatalFileError.of(
        "file",
        f"The file is not text ({what}).",
        f"Berkas bukan teks ({what}).",
        "Export it as CSV, or send it to a dataset that takes its format.",
        "Ekspor sebagai CSV, atau kirim ke dataset yang menerima format itu.",
        value=what,
    )


def _has_hexadecimal(before: bytes, block: bytes) -> bool:
    # One letter is found much faster than two.
    for mark in (b"x", b"X"):
        if mark in block and (b"0" + mark in block or (before == b"0" and block.startswith(mark))):
            return True
    return False


def _check_lines(block: bytes, position: int, line_start: int, limit: int) -> int:
    """Start of the line that runs on after the block; looks at one line end per `limit` bytes only."""
    at = 0
    while True:
        window_end = min(line_start + limit + 1 - position, len(block))
        last = block.rfind(b"\n", at, max(window_end, at))
        if last >= 0:
            line_start, at = position + last + 1, last + 1
            if at >= len(block):
                return line_start
            continue
        if position + len(block) - line_start > limit:
            raise FatalFileError.of(
                "file",
                f"The line that begins at byte {line_start} is longer than {limit} bytes.",
                f"Baris yang mulai pada bita {line_start} lebih panjang dari {limit} bita.",
                "Check the line ends of the file, and that it is the right file.",
                "Periksa akhir baris berkas, dan apakah berkasnya benar.",
                value=str(line_start),
            )
        return line_start


def _decode(
    path: Path, decoder: codecs.IncrementalDecoder, block: bytes, position: int, encoding: str
) -> None:
    pending = len(decoder.getstate()[0])
    try:
        decoder.decode(block, not block)
    except UnicodeDecodeError as error:
        offset = position - pending + error.start
        line, text = _around(path, offset)
        bad = error.object[error.start : error.start + 1].hex()
        raise FatalFileError.of(
            "file",
            f"Byte {bad} at offset {offset}, in line {line}, does not belong to {encoding}.",
            f"Bita {bad} pada offset {offset}, di baris {line}, tidak sesuai dengan {encoding}.",
            f"Save the whole file as {encoding}; it may have been put together from files of different programs.",
            f"Simpan seluruh berkas sebagai {encoding}; mungkin berkas digabung dari program yang berbeda.",
            value=text,
            row=line,
        ) from error


def _has_nul(path: Path, offset: int) -> FatalFileError:
    line, text = _around(path, offset)
    return FatalFileError.of(
        "file",
        f"The file is not text: byte 0 at offset {offset}, in line {line}.",
        f"Berkas bukan teks: bita 0 pada offset {offset}, di baris {line}.",
        "Export it again as text; a file that was cut off while it was written looks like this.",
        "Ekspor ulang sebagai teks; berkas yang terputus saat ditulis tampak seperti ini.",
        value=text,
        row=line,
    )


def _around(path: Path, offset: int) -> tuple[int, str]:
    """Number of the line that has a byte, and what stands there, with what is no ASCII as escapes."""
    line, before = 1, offset
    with path.open("rb") as stream:
        while before > 0 and (block := stream.read(min(_BLOCK, before))):
            line += block.count(b"\n")
            before -= len(block)
        stream.seek(max(offset - _SHOWN, 0))
        near = stream.read(2 * _SHOWN)
    return line, near.decode("ascii", "backslashreplace").replace("\0", "\\x00")
