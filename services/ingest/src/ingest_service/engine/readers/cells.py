"""Cells of an XLSX sheet that parsers give as empty: errors such as #N/A, and formulas that were never computed."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

__all__ = ["OddCells", "find_odd_cells"]

_BLOCK = 1024 * 1024
_CELL = re.compile(
    rb'<c r="([A-Z]{1,3})([0-9]{1,7})"([^>]*?)>(.*?)</c>',
    re.DOTALL,
)
_ERROR = re.compile(rb"<v>([^<]*)</v>")
_MAX_XML = 16 * 2**20
_MAX_CELLS = 10_000
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass
class OddCells:
    """`errors`: text by row and column, both from 0. `bare`: places of formulas without a value, such as `B2`."""

    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    bare: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.errors or self.bare)


def find_odd_cells(path: Path, sheet: str) -> OddCells:
    """Odd cells of a sheet, at most 10,000; none of what is no XLSX. The file has passed its guards."""
    found = OddCells()
    if not zipfile.is_zipfile(path):
        return found
    with zipfile.ZipFile(path) as archive:
        part = _part_of(archive, sheet)
        if part is None:
            return found
        for column, row, attributes, content in _cells(archive, part):
            if b't="e"' in attributes and (error := _ERROR.search(content)):
                found.errors[int(row) - 1, _number(column)] = error[1].decode("utf-8", "replace")
            elif b"<f" in content and b"<v>" not in content and b"<is>" not in content:
                found.bare.append((column + row).decode("ascii"))
            if len(found.errors) + len(found.bare) >= _MAX_CELLS:
                break
    return found


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str | None:
    try:
        book = _parsed(archive, "xl/workbook.xml")
        relations = _parsed(archive, "xl/_rels/workbook.xml.rels")
    except (KeyError, ET.ParseError):
        return None
    targets = {entry.get("Id"): entry.get("Target", "") for entry in relations}
    for entry in book.iter():
        if entry.tag.endswith("}sheet") and entry.get("name") == sheet:
            target = targets.get(entry.get(_RELATION), "")
            part = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
            return part if part in archive.namelist() else None
    return None


def _parsed(archive: zipfile.ZipFile, name: str) -> ET.Element:
    with archive.open(name) as stream:
        text = stream.read(_MAX_XML)
    if b"<!DOCTYPE" in text:
        raise ET.ParseError("a document type has no place here")
    return ET.fromstring(text)  # noqa: S314 - without a document type there are no entities


def _cells(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    """Cells of blocks that have an error or a formula at all: looking for these costs next to nothing."""
    rest = b""
    with archive.open(part) as stream:
        while block := stream.read(_BLOCK):
            text = rest + block
            end = text.rfind(b"</c>") + len(b"</c>")
            if end < len(b"</c>"):
                rest = text[-_BLOCK:]
                continue
            whole, rest = text[:end], text[end:]
            if b't="e"' in whole or b"<f" in whole:
                for match in _CELL.finditer(whole):
                    column, row, attributes, content = match.groups()
                    if not attributes.endswith(b"/"):
                        yield column, row, attributes, content


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
