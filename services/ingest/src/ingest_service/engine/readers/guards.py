"""Looks through a text file in bounded memory before anything parses it."""

import codecs
from pathlib import Path

from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits

__all__ = ["check_text_file"]

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
_WIDE = ("utf-16", "utf-32", "utf_16", "utf_32")


def check_text_file(path: Path, encoding: str, limits: ValidationLimits) -> bool:
    """Reads the file once; whether 0x may stand anywhere in it.

    Raises:
        FatalFileError: it is binary, a line is too long, or bytes do not belong to the encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    wide = encoding.startswith(_WIDE)
    extends_ascii = encoding in _EXTEND_ASCII
    hexadecimal = not extends_ascii  # not looked for
    position = line_start = 0
    last = b""
    with path.open("rb") as stream:
        while block := stream.read(1024 * 1024):
            if position == 0:
                _check_magic(block)
            if not wide and b"\x00" in block:
                raise _binary(f"byte 0 at offset {position + block.index(0)}")
            line_start = _check_lines(block, position, line_start, limits.line_bytes)
            if not (extends_ascii and block.isascii() and not decoder.getstate()[0]):
                _decode(decoder, block, position, encoding, final=False)
            hexadecimal = hexadecimal or _has_hexadecimal(last, block)
            last = block[-1:]
            position += len(block)
    _decode(decoder, b"", position, encoding, final=True)
    return hexadecimal


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
    decoder: codecs.IncrementalDecoder, block: bytes, position: int, encoding: str, *, final: bool
) -> None:
    pending = len(decoder.getstate()[0])
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError as error:
        offset = position - pending + error.start
        bad = error.object[error.start : error.start + 1].hex()
        raise FatalFileError.of(
            "file",
            f"Byte {bad} at offset {offset} does not belong to {encoding}.",
            f"Bita {bad} pada offset {offset} tidak sesuai dengan {encoding}.",
            f"Save the file as {encoding}.",
            f"Simpan berkas sebagai {encoding}.",
            value=str(offset),
        ) from error
