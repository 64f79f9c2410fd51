"""Unpacks a ZIP file without keeping it, to know its true size before a parser does."""

import zipfile
from pathlib import Path

from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits

__all__ = ["check_zip"]

_MAX_ENTRIES = 2000
_SMALL_BYTES = 16 * 2**20
_BLOCK = 256 * 1024


def check_zip(path: Path, limits: ValidationLimits) -> None:
    """Bounded in memory and in work: it stops where a limit is reached.

    Raises:
        FatalFileError: the file is no workbook, or it unpacks to more than it may.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > _MAX_ENTRIES:
                raise _bomb(f"{len(entries)} > {_MAX_ENTRIES} entries")
            _check_size(sum(entry.file_size for entry in entries), path, limits)
            unpacked = 0
            for entry in entries:
                with archive.open(entry) as stream:
                    # What the directory says may be a lie: the data itself counts.
                    while block := stream.read(_BLOCK):
                        unpacked += len(block)
                        _check_size(unpacked, path, limits)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise FatalFileError.of(
            "file",
            f"The file is no XLSX workbook: {error}.",
            f"Berkas bukan buku kerja XLSX: {error}.",
            "Save it as .xlsx without a password.",
            "Simpan sebagai .xlsx tanpa kata sandi.",
        ) from error


def _check_size(unpacked: int, path: Path, limits: ValidationLimits) -> None:
    packed = max(path.stat().st_size, 1)
    if unpacked > limits.workbook_bytes:
        raise _bomb(f"{unpacked} > {limits.workbook_bytes} bytes")
    if unpacked > _SMALL_BYTES and unpacked / packed > limits.unpack_ratio:
        raise _bomb(f"{unpacked // packed} times its size, limit {limits.unpack_ratio}")


def _bomb(what: str) -> FatalFileError:
    return FatalFileError.of(
        "file",
        f"The workbook unpacks to more than it may ({what}).",
        f"Buku kerja terurai melebihi batas ({what}).",
        "Split it, or send the data as CSV.",
        "Pecah berkas, atau kirim datanya sebagai CSV.",
        value=what,
    )
