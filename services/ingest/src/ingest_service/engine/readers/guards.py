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
_WIDE = ("utf-16", "utf-32", "utf_16", "utf_32")


def check_text_file(path: Path, encoding: str, limits: ValidationLimits) -> None:
    """Reads the file once.

    Raises:
        FatalFileError: it is binary, a line is too long, or bytes do not belong to the encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    wide = encoding.startswith(_WIDE)
    position = line_start = 0
    with path.open("rb") as stream:
        while block := stream.read(1024 * 1024):
            if position == 0:
                _check_magic(block)
            if not wide and b"\x00" in block:
                raise _binary(f"byte 0 at offset {position + block.index(0)}")
            line_start = _check_lines(block, position, line_start, limits.line_bytes)
            _decode(decoder, block, position, encoding, final=False)
            position += len(block)
    _decode(decoder, b"", position, encoding, final=True)


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
