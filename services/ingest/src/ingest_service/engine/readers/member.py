"""The files that one upload holds: itself, what a gz or zst file packs, or the members of a zip."""

import fnmatch
import gzip
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from ingest_service.domain.contract import Format
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits

__all__ = ["Member", "members_of"]

_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
_SMALL_BYTES = 16 * 2**20
_BLOCK = 256 * 1024
_OF_A_WORKBOOK = frozenset({"[Content_Types].xml", "mimetype"})


@dataclass(frozen=True, slots=True)
class Member:
    """A file with the name that its sender gave it."""

    name: str
    path: Path


def members_of(path: Path, name: str, form: Format, limits: ValidationLimits, work: Path) -> list[Member]:
    """The files to read, in the order of their names; what is packed is unpacked into `work` within the limits.

    Raises:
        FatalFileError: it is cut off, damaged, locked, unpacks to too much, or has members that no one asked for.
    """
    with path.open("rb") as stream:
        magic = stream.read(4)
    try:
        if magic.startswith(_GZIP):
            with gzip.open(path) as packed:
                return [_unpack(packed, name.removesuffix(".gz"), path, limits, work)]
        if magic == _ZSTD:
            with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as packed:
                return [_unpack(packed, name.removesuffix(".zst"), path, limits, work)]
        if magic == _ZIP and zipfile.is_zipfile(path):
            return _members_of_zip(path, name, form, limits, work)
    except (EOFError, OSError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise FatalFileError.of(
            "file",
            f"The packed file cannot be unpacked: {error}.",
            f"Berkas terkemas tidak dapat dibuka: {error}.",
            "It may have been cut off or locked: pack it again without a password and send it whole.",
            "Mungkin terpotong atau terkunci: kemas ulang tanpa kata sandi dan kirim seluruhnya.",
            value=name,
        ) from error
    return [Member(name, path)]


def _unpack(
    packed: IO[bytes] | gzip.GzipFile, name: str, path: Path, limits: ValidationLimits, work: Path
) -> Member:
    target = work / "unpacked"
    with target.open("wb") as out:
        for block in _bounded(iter(lambda: packed.read(_BLOCK), b""), path, limits):
            out.write(block)
    return Member(name, target)


def _members_of_zip(
    path: Path, name: str, form: Format, limits: ValidationLimits, work: Path
) -> list[Member]:
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        names = [entry.filename for entry in entries]
        if any(entry in _OF_A_WORKBOOK or entry.startswith("xl/") for entry in names):
            return [Member(name, path)]
        _check_names(names, form.members, limits)
        ordered = sorted(entries, key=lambda entry: entry.filename)
        blocks = _bounded(_blocks_of(archive, ordered, work), path, limits)
        for _block in blocks:
            pass
    return [Member(entry.filename, _place(work, index)) for index, entry in enumerate(ordered)]


def _blocks_of(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], work: Path) -> Iterator[bytes]:
    """Unpacks each entry to a file with a name of ours; gives what is written, to be counted."""
    for index, entry in enumerate(entries):
        with archive.open(entry) as packed, _place(work, index).open("wb") as out:
            while block := packed.read(_BLOCK):
                yield block
                out.write(block)


def _place(work: Path, index: int) -> Path:
    return work / f"member-{index:05}"


def _check_names(names: list[str], pattern: str, limits: ValidationLimits) -> None:
    if len(names) > limits.members:
        raise _too_much(f"{len(names)} > {limits.members} files")
    odd = [name for name in names if not fnmatch.fnmatchcase(name, pattern)]
    odd += (
        [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if len(set(names)) < len(names)
        else []
    )
    if odd or not names:
        listed = ", ".join(odd[:10]) or "-"
        raise FatalFileError.of(
            "file",
            f"The zip file has to hold files {pattern}, each name once; it has {len(names)} files, among them {listed}.",
            f"Berkas zip harus berisi berkas {pattern}, tiap nama satu kali; isinya {len(names)} berkas, antara lain {listed}.",
            "Leave out what does not belong there.",
            "Keluarkan yang bukan bagiannya.",
            value=listed,
        )


def _bounded(blocks: Iterator[bytes], path: Path, limits: ValidationLimits) -> Iterator[bytes]:
    """The blocks, until they are more than they may be."""
    packed = max(path.stat().st_size, 1)
    unpacked = 0
    for block in blocks:
        unpacked += len(block)
        if unpacked > limits.unpacked_bytes:
            raise _too_much(f"more than {limits.unpacked_bytes} bytes")
        if unpacked > _SMALL_BYTES and unpacked / packed > limits.unpack_ratio:
            raise _too_much(f"{unpacked // packed} times its size, limit {limits.unpack_ratio}")
        yield block


def _too_much(what: str) -> FatalFileError:
    return FatalFileError.of(
        "file",
        f"The file unpacks to more than it may ({what}).",
        f"Berkas terurai melebihi batas ({what}).",
        "Split it into several files.",
        "Pecah menjadi beberapa berkas.",
        value=what,
    )
