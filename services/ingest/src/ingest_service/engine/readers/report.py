"""Printed reports: lines of figures under headings, in sections, as a template says."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import polars as pl
from typing_extensions import override

from ingest_service.domain.contract import Format, ReportTemplate
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits
from ingest_service.engine.readers.encodings import encoding_of, without_mark
from ingest_service.engine.readers.frames import text_blocks
from ingest_service.engine.readers.guards import check_text_file
from ingest_service.engine.readers.source import Broken, TextSource, check_header

__all__ = ["ReportSource"]

SECTION, LINE, KIND = "@section", "@line", "@kind"


class ReportSource(TextSource):
    """A report. Its columns: what is captured, the headings, the fields of a line, and its places."""

    def __init__(self, path: Path, form: Format, limits: ValidationLimits, wanted: Sequence[str]) -> None:
        if not isinstance(form.template, ReportTemplate):
            raise TypeError("a report is read by its template")
        self._template = form.template
        encoding = encoding_of(path, form)
        pads = self._template.padding == "nul"
        check_text_file(path, encoding, limits, nul_pads=pads)
        self._path, self._encoding = path, without_mark(encoding)
        self._captured = self._capture()
        self._patterns = _Patterns(self._template)
        names = [*self._captured, *self._template.headings, *self._template.fields, SECTION, LINE, KIND]
        self._names = check_header(names, wanted)
        self._broken: dict[int, Broken] = {}
        self._check_sections()

    @property
    @override
    def broken_rows(self) -> Sequence[Broken]:
        return [broken for _row, broken in sorted(self._broken.items())]

    @override
    def blocks(self, types: Mapping[str, pl.DataType] = MappingProxyType({})) -> Iterator[pl.DataFrame]:
        del types
        yield from text_blocks(self._names, self._records())

    def _lines(self) -> Iterator[str]:
        with self._path.open(encoding=self._encoding) as stream:
            for line in stream:
                text = line.replace("\0", " ") if self._template.padding == "nul" else line
                yield text.rstrip()

    def _capture(self) -> dict[str, str | None]:
        """The values that stand once in the report."""
        missing = {name: re.compile(capture.pattern) for name, capture in self._template.captures.items()}
        found: dict[str, str | None] = dict.fromkeys(missing)
        for line in self._lines():
            if not missing:
                break
            for name, pattern in list(missing.items()):
                if match := pattern.search(line):
                    found[name] = match[1]
                    del missing[name]
        for name, pattern in missing.items():
            if self._template.captures[name].required:
                raise FatalFileError.of(
                    "header",
                    f"The report does not say its {name}: no line has the form {pattern.pattern}.",
                    f"Laporan tidak menyebut {name}: tidak ada baris berbentuk {pattern.pattern}.",
                    "Send the report as it was printed, with its head.",
                    "Kirim laporan seperti dicetak, beserta kepalanya.",
                    column=name,
                )
        return found

    def _check_sections(self) -> None:
        """Each section has to be there and to end: figures of a page that is missing would be missed by nobody."""
        walk = _Walk(self._patterns)
        for line in self._lines():
            walk.step(line)
        for section in self._template.sections:
            if section.name not in walk.ended:
                began = section.name == walk.section
                raise FatalFileError.of(
                    "header",
                    f"The section {section.name} {'does not end' if began else 'is missing'}: "
                    f"no line has the form {section.end if began else section.begin}.",
                    f"Bagian {section.name} {'tidak berakhir' if began else 'tidak ada'}: "
                    f"tidak ada baris berbentuk {section.end if began else section.begin}.",
                    "The report may have been cut off, or its layout is another one: send it whole, or ask for a template.",
                    "Laporan mungkin terpotong, atau bentuknya lain: kirim seluruhnya, atau minta templat.",
                    column=section.name,
                )

    def _records(self) -> Iterator[tuple[int, dict[str, str | None]]]:
        """Numbered lines of figures; what is none inside a section is kept as broken."""
        row = 0
        walk = _Walk(self._patterns)
        reader = _LineReader(self._patterns, self._template)
        for number, line in enumerate(self._lines(), 1):
            if not walk.step(line) or not line.strip() or self._patterns.ignores(line):
                continue
            for broken in reader.left_over(line):
                row += 1
                self._broken[row] = _no_line(row, *broken)
            record = reader.read(number, line)
            if record is not None:
                row += 1
                yield row, {**self._captured, **record, SECTION: walk.section, LINE: str(number)}
            if walk.over:
                for broken in reader.end():
                    row += 1
                    self._broken[row] = _no_line(row, *broken)
        for broken in reader.end():
            row += 1
            self._broken[row] = _no_line(row, *broken)


def _no_line(row: int, number: int, text: str) -> Broken:
    return Broken(
        row,
        "line",
        text[:1000],
        f"Line {number} of the report is neither a heading nor a line of figures: {text.strip()[:100]}.",
        f"Baris {number} laporan bukan judul dan bukan baris angka: {text.strip()[:100]}.",
        "Look at the line in the report; its layout may have changed, then the template has to know it.",
        "Periksa baris itu pada laporan; bila bentuknya berubah, templat perlu disesuaikan.",
    )


class _Patterns:
    """The template's regular expressions, compiled."""

    def __init__(self, template: ReportTemplate) -> None:
        self.sections = [(s.name, re.compile(s.begin), re.compile(s.end)) for s in template.sections]
        self.line = re.compile(template.line) if template.line else None
        self.heading = re.compile(template.heading)
        self.total = re.compile(template.total) if template.total else None
        self._ignored = [re.compile(pattern) for pattern in template.ignore]

    def ignores(self, line: str) -> bool:
        """Whether a line belongs to the paper and not to the figures."""
        return any(pattern.search(line) for pattern in self._ignored)


class _Walk:
    """In which section a line stands."""

    def __init__(self, patterns: _Patterns) -> None:
        self._patterns = patterns
        self.section: str | None = None
        self._end: re.Pattern[str] | None = None
        self.ended: set[str] = set()
        self.over = False

    def step(self, line: str) -> bool:
        """Goes on to a line; whether it may hold figures."""
        if not self._patterns.sections:
            return True
        if self.over:
            self.section, self.over = None, False
        if self.section is None:
            for name, begin, end in self._patterns.sections:
                if begin.search(line):
                    self.section, self._end = name, end
                    return False
            return False
        if self._end is not None and self._end.search(line):
            self.ended.add(self.section)
            self.over = True
        return True


@dataclass
class _LineReader:
    """Reads the lines of a section: headings by their indentation, texts that go on in the next line, figures."""

    patterns: _Patterns
    template: ReportTemplate
    _headings: list[tuple[int, str]] = field(default_factory=list)
    _begun: list[tuple[int, str]] = field(default_factory=list)

    def left_over(self, line: str) -> list[tuple[int, str]]:
        """Lines that were begun and that this line does not go on with."""
        if self._begun and self.patterns.heading.search(line) and self._figures(line) is None:
            return self.end(keep_headings=True)
        return []

    def end(self, *, keep_headings: bool = False) -> list[tuple[int, str]]:
        """Lines that were begun and never went on."""
        left, self._begun = self._begun, []
        if not keep_headings:
            self._headings = []
        return left

    def read(self, number: int, line: str) -> dict[str, str | None] | None:
        """What a line of figures says; None where it is another line."""
        figures = self._figures(line)
        if figures is None:
            if self.patterns.heading.search(line):
                self._close(_indent(line))
                self._headings.append((_indent(line), self.patterns.heading.sub("", line.strip())))
            else:
                self._begun.append((number, line))
            return None
        indent = _indent(self._begun[0][1] if self._begun else line)
        if self._begun and self.template.continues:
            before = " ".join(text.strip() for _number, text in self._begun)
            figures[self.template.continues] = f"{before} {figures[self.template.continues] or ''}".strip()
            self._begun = []
        self._close(indent)
        record: dict[str, str | None] = dict.fromkeys(self.template.headings)
        record.update(zip(self.template.headings, (text for _indent, text in self._headings), strict=False))
        is_total = self.patterns.total is not None and self.patterns.total.search(
            figures.get(self.template.continues or "") or line.strip()
        )
        return {**record, **figures, KIND: "total" if is_total else "item"}

    def _close(self, indent: int) -> None:
        """Headings hold for what is further in than they are."""
        while self._headings and self._headings[-1][0] >= indent:
            self._headings.pop()

    def _figures(self, line: str) -> dict[str, str | None] | None:
        if self.patterns.line is not None:
            match = self.patterns.line.search(line)
            return (
                {name: text and text.strip() for name, text in match.groupdict().items()} if match else None
            )
        columns = self.template.columns or {}
        found: dict[str, str | None] = {n: line[a - 1 : b].strip() or None for n, (a, b) in columns.items()}
        return found if any(found.values()) else None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
