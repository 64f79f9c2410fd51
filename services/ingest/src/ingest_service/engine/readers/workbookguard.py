"""What a workbook must not have: locks, macros, more than it may unpack to."""

import re
import zipfile
from pathlib import Path

from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits
from ingest_service.engine.readers.zipguard import check_zip

__all__ = ["check_workbook", "hidden", "locked"]

_OLE = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"
# Names in the directory of an OLE file, which is in UTF-16.
_ENCRYPTED, _MACROS = (name.encode("utf-16-le") for name in ("EncryptedPackage", "_VBA_PROJECT_CUR"))
_SCRIPTS = re.compile(r"(^xl/(.*/)?vbaProject\.bin$|^xl/macrosheets/|^Basic/.+\.xml$|^Scripts/.+)")
_OF_NO_SCRIPT = frozenset({"Basic/script-lc.xml"})
_MANIFEST = "META-INF/manifest.xml"
_MANIFEST_BYTES = 4 * 2**20


def check_workbook(path: Path, limits: ValidationLimits) -> None:
    """Bounded in memory and in work.

    Raises:
        FatalFileError: the file is no workbook, is locked, has macros, or is too large.
    """
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic == _ZIP:
        check_zip(path, limits)
        _check_entries(path)
    elif magic == _OLE:
        _check_ole(path, limits)
    else:
        raise FatalFileError.of(
            "file",
            "The file is no workbook: it is neither XLSX, XLS nor ODS.",
            "Berkas bukan buku kerja: bukan XLSX, XLS, ataupun ODS.",
            "Save it as .xlsx.",
            "Simpan sebagai .xlsx.",
        )


def hidden(sheet: str) -> FatalFileError:
    """The sheet that the contract reads is not shown."""
    return FatalFileError.of(
        "file",
        f"The sheet {sheet} is hidden: what nobody sees is not published.",
        f"Lembar {sheet} tersembunyi: yang tidak terlihat tidak diterbitkan.",
        "Show the sheet and look at it, then send the workbook again.",
        "Tampilkan dan periksa lembar itu, lalu kirim lagi buku kerjanya.",
        value=sheet,
    )


def locked() -> FatalFileError:
    """The workbook needs a password."""
    return FatalFileError.of(
        "file",
        "The workbook is protected by a password.",
        "Buku kerja dilindungi kata sandi.",
        "Save it without a password; the platform protects what it keeps.",
        "Simpan tanpa kata sandi; platform melindungi data yang disimpannya.",
    )


def _check_entries(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if script := next((n for n in names if _SCRIPTS.match(n) and n not in _OF_NO_SCRIPT), None):
            raise _has_macros(script)
        if _MANIFEST in names:
            with archive.open(_MANIFEST) as stream:
                if b"encryption-data" in stream.read(_MANIFEST_BYTES):
                    raise locked()


def _check_ole(path: Path, limits: ValidationLimits) -> None:
    size = path.stat().st_size
    if size > limits.workbook_bytes:
        raise FatalFileError.of(
            "file",
            f"The workbook has {size} bytes; the limit is {limits.workbook_bytes}.",
            f"Buku kerja berukuran {size} bita; batasnya {limits.workbook_bytes}.",
            "Split it, or send the data as CSV.",
            "Pecah berkas, atau kirim datanya sebagai CSV.",
            value=str(size),
        )
    before = b""
    with path.open("rb") as stream:
        while block := stream.read(1024 * 1024):
            if _ENCRYPTED in before + block:
                raise locked()
            if _MACROS in before + block:
                raise _has_macros("_VBA_PROJECT_CUR")
            before = block[-64:]


def _has_macros(where: str) -> FatalFileError:
    return FatalFileError.of(
        "file",
        f"The workbook has macros ({where}).",
        f"Buku kerja mengandung makro ({where}).",
        "Save it as .xlsx, which has none.",
        "Simpan sebagai .xlsx, yang tidak memuat makro.",
        value=where,
    )
