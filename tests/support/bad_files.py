"""Files that no dataset wants, small ones and ones that would not stay small."""

import zipfile
from pathlib import Path

__all__ = ["HEADER", "long_line", "offices", "workbook_bomb"]

HEADER = "kode;nama;pagu"
_SHEET = b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_MIB = 1024 * 1024


def offices(path: Path, rows: int, first: int = 0) -> Path:
    """A good file: office codes of seven digits, names, and ceilings in Indonesian numbers."""
    lines = (f"{code:07d};Kantor {code};{code % 999 + 1}.000.000" for code in range(first, first + rows))
    path.write_text(HEADER + "\n" + "\n".join(lines) + "\n")
    return path


def long_line(path: Path, size: int) -> Path:
    """A good header and one line of so many bytes, without an end."""
    with path.open("wb") as file:
        file.write(f"{HEADER}\n0000001;".encode())
        file.write(b"x" * size)
    return path


def workbook_bomb(path: Path, mib: int) -> Path:
    """A workbook of some kilobytes whose one sheet unpacks to `mib` MiB."""
    content = {
        "[Content_Types].xml": b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "xl/workbook.xml": b'<?xml version="1.0"?><workbook/>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, body in content.items():
            archive.writestr(name, body)
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(_SHEET)
            for _ in range(mib):
                sheet.write(b" " * _MIB)
            sheet.write(b"</sheetData></worksheet>")
    return path
