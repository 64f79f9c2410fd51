"""Which format a file has, by its content and not by its name."""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest_service.domain.contract import Format
from ingest_service.engine.job import Remark, ValidationLimits
from ingest_service.engine.proposal.remarks import header_below, remark
from ingest_service.engine.proposal.sheets import sniff_workbook
from ingest_service.engine.readers.encodings import encoding_of, without_mark

__all__ = ["Sniffed", "sniff"]

_PARQUET, _ARROW_FILE, _ARROW_STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_DELIMITERS = (",", ";", "\t", "|")
_LOOKED_AT = 256 * 1024
_LINES = 200
_FIGURE = re.compile(r"[-0-9.,/ ]+%?")
# So many of the lines have to agree on the number of fields.
_AGREEING = 0.6


@dataclass(frozen=True, slots=True)
class Sniffed:
    """The format as keys of the contract language, and what is not certain about it."""

    form: dict[str, Any]
    remarks: tuple[Remark, ...] = ()


def sniff(path: Path, limits: ValidationLimits) -> Sniffed:
    """The format of a file that is not packed."""
    with path.open("rb") as stream:
        start = stream.read(8)
    if start.startswith(_PARQUET):
        return Sniffed({"type": "parquet"})
    if start.startswith((_ARROW_FILE, _ARROW_STREAM)):
        return Sniffed({"type": "arrow"})
    if start.startswith((_ZIP, _OLE)):
        return Sniffed(*sniff_workbook(path, limits))
    return _sniff_text(path)


def _sniff_text(path: Path) -> Sniffed:
    encoding = encoding_of(path, Format(type="csv", encoding="detect"))
    remarks: list[Remark] = []
    form: dict[str, Any] = {} if encoding == "utf-8" else {"encoding": encoding}
    if encoding == "cp1252":
        remarks.append(
            remark(
                "The text is not UTF-8 and has no byte order mark; it is taken for cp1252 (Western European).",
                "Teks bukan UTF-8 dan tanpa penanda; dianggap cp1252 (Eropa Barat).",
            )
        )
    text = _beginning(path, encoding)
    if text.lstrip().startswith(("[", "{")):
        found = _sniff_json(text)
        if found is not None:
            return Sniffed({**found, **form}, tuple(remarks))
    found, more = _sniff_csv(text)
    return Sniffed({**found, **form}, (*remarks, *more))


def _beginning(path: Path, encoding: str) -> str:
    with path.open("rb") as stream:
        data = stream.read(_LOOKED_AT)
    # A character or a line may be cut in two where the beginning ends.
    text = codecs.getincrementaldecoder(without_mark(encoding))("replace").decode(data)
    return text if len(data) < _LOOKED_AT else text[: text.rfind("\n") + 1] or text


def _sniff_json(text: str) -> dict[str, Any] | None:
    """A list, an object on each line, or a list under a name of one object; None when it is no JSON."""
    bare = text.lstrip()
    if bare.startswith("["):
        return {"type": "json"}
    first = bare.partition("\n")[0]
    try:
        record = json.loads(first)
    except ValueError:
        record = None
    if isinstance(record, dict) and not any(isinstance(value, list | dict) for value in record.values()):
        return {"type": "jsonl"}
    decoder, at = json.JSONDecoder(), 1
    while True:
        at += len(bare[at:]) - len(bare[at:].lstrip(" \t\r\n,"))
        try:
            name, at = decoder.raw_decode(bare, at)
            at += bare[at:].index(":") + 1
            at += len(bare[at:]) - len(bare[at:].lstrip())
            if bare[at : at + 1] == "[":
                return {"type": "json", "records": name}
            _value, at = decoder.raw_decode(bare, at)
        except ValueError:
            return None


def _sniff_csv(text: str) -> tuple[dict[str, Any], list[Remark]]:
    delimiter, rows = max(
        ((mark, _parsed(text, mark)) for mark in _DELIMITERS), key=lambda found: _agreement(found[1])
    )
    width = _usual_width([cells for _line, cells in rows])
    remarks: list[Remark] = []
    if width == 1:
        delimiter, rows = ",", _parsed(text, ",")
        remarks.append(
            remark(
                "Each line is one field: a report with columns by position needs `type: report` with a template.",
                "Tiap baris satu isian: laporan berkolom tetap memerlukan `type: report` beserta templat.",
            )
        )
    found: dict[str, Any] = {"type": "csv"}
    if delimiter != ",":
        found["delimiter"] = delimiter
    at = next((index for index, (_line, cells) in enumerate(rows) if len(cells) == width), 0)
    line, header = rows[at] if rows else (1, [])
    if _is_header(header, [cells for _line, cells in rows[at + 1 :]]):
        if line > 1:
            found["header_row"] = line
            remarks.append(header_below(line, "on line", (cells for _line, cells in rows[:at])))
        return found, remarks
    found |= {"header_row": 0, "names": [f"column_{number}" for number in range(1, width + 1)]}
    remarks.append(
        remark(
            "The first line does not look like a header: give the columns their names.",
            "Baris pertama tidak tampak sebagai judul: beri nama kolom-kolomnya.",
        )
    )
    return found, remarks


def _parsed(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Rows with the line on which each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            rows.append((line, cells))
            line = reader.line_num + 1
            if len(rows) == _LINES:
                break
    except csv.Error:
        pass
    return rows


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    widths = Counter(len(cells) for cells in rows if cells)
    return max(widths, key=lambda width: (widths[width], width), default=1)


def _agreement(rows: Sequence[tuple[int, Sequence[str]]]) -> tuple[bool, float]:
    """Whether a delimiter divides the lines at all, and into how many fields those that agree."""
    widths = [len(cells) for _line, cells in rows if cells]
    usual = _usual_width([cells for _line, cells in rows])
    share = widths.count(usual) / len(widths) if widths else 0.0
    return usual > 1 and share >= _AGREEING, share * usual


def _is_header(header: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Names, each once: no value of its own column further down, and no figure above figures."""
    names = [cell.strip() for cell in header]
    if not all(names) or len(set(names)) < len(names):
        return False
    columns = [[cells[index].strip() for cells in below if index < len(cells)] for index in range(len(names))]
    return not any(
        name in column or (_FIGURE.fullmatch(name) and _mostly_figures(column))
        for name, column in zip(names, columns, strict=True)
    )


def _mostly_figures(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return sum(bool(_FIGURE.fullmatch(cell)) for cell in filled) > len(filled) / 2
