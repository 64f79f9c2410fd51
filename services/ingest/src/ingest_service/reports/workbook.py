"""Workbooks: the report, and bad rows. Every cell is a text or a number of ours; none is a formula."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import xlsxwriter

from ingest_service.domain.correction import neutral
from ingest_service.domain.submission import Finding, Submission
from ingest_service.reports.summary import LABELS, submission_record

__all__ = ["ReportWorkbook", "write_rows"]

_MAX_CELL = 32_000
# A sheet ends at 1,048,576 rows; what is written beyond would be lost without a word.
_SHEET_ROWS = 1_000_000
_WIDTHS = (8, 20, 24, 20, 12, 48, 48, 40, 40)
_HEADS = (
    "Baris / Row",
    "Kolom / Column",
    "Nilai / Value",
    "Aturan / Rule",
    "Bobot / Severity",
    "Masalah",
    "Problem",
    "Perbaikan",
    "Remedy",
)
_OPTIONS = {
    # Row by row to the disk: memory does not grow with the findings.
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


class ReportWorkbook:
    """The report as it grows; `close` ends the file."""

    def __init__(self, path: Path, submission: Submission) -> None:
        self._book = xlsxwriter.Workbook(str(path), dict(_OPTIONS))
        self._bold = self._book.add_format({"bold": True})
        self._write_summary(submission)
        self._sheets = 0
        self._begin_sheet()

    def _begin_sheet(self) -> None:
        self._sheets += 1
        name = "Temuan - Findings" if self._sheets == 1 else f"Temuan - Findings ({self._sheets})"
        self._sheet = self._book.add_worksheet(name)
        for number, (head, width) in enumerate(zip(_HEADS, _WIDTHS, strict=True)):
            self._sheet.set_column(number, number, width)
            self._sheet.write_string(0, number, head, self._bold)
        self._sheet.freeze_panes(1, 0)
        self._row = 1

    def _end_sheet(self) -> None:
        self._sheet.autofilter(0, 0, self._row - 1, len(_HEADS) - 1)

    def _write_summary(self, submission: Submission) -> None:
        sheet = self._book.add_worksheet("Ringkasan - Summary")
        sheet.set_column(0, 0, 36)
        sheet.set_column(1, 1, 72)
        record = submission_record(submission)
        lines = [(" / ".join(dict.fromkeys(LABELS[name])), record[name]) for name in LABELS]
        lines += [("Pesan", submission.message.id), ("Message", submission.message.en), ("", "")]
        lines += [(f"Jumlah / Total: {name}", total) for name, total in record["control_totals"].items()]
        lines += [
            (f"Aturan / Rule: {count.rule} ({count.severity.value})", count.rows)
            for count in submission.rule_counts
        ]
        for number, (label, value) in enumerate(lines):
            sheet.write_string(number, 0, _cell(label), self._bold)
            if isinstance(value, int):
                sheet.write_number(number, 1, value)
            else:
                sheet.write_string(number, 1, _cell(str(value)))

    def add(self, findings: Sequence[Finding]) -> None:
        """Writes more findings."""
        for finding in findings:
            if self._row > _SHEET_ROWS:
                self._end_sheet()
                self._begin_sheet()
            self._sheet.write_number(self._row, 0, finding.row)
            texts = (
                finding.column,
                finding.value,
                finding.rule,
                finding.severity.value,
                finding.message.id,
                finding.message.en,
                finding.remedy.id,
                finding.remedy.en,
            )
            for number, text in enumerate(texts, 1):
                self._sheet.write_string(self._row, number, _cell(text))
            self._row += 1

    def close(self) -> None:
        """Ends the file."""
        self._end_sheet()
        self._book.close()


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A workbook of one sheet whose cells are all texts."""
    with xlsxwriter.Workbook(str(path), dict(_OPTIONS)) as book:
        sheet = book.add_worksheet("Data")
        text = book.add_format({"num_format": "@"})
        sheet.set_column(0, len(header) - 1, 20, text)
        sheet.freeze_panes(1, 0)
        for number, values in enumerate([header, *rows]):
            for place, value in enumerate(values):
                sheet.write_string(number, place, _cell(value), text)


def _cell(value: str) -> str:
    shown = neutral(value)
    return shown if len(shown) <= _MAX_CELL else f"{shown[:_MAX_CELL]}…"
