"""The report as a workbook: nothing runs, nothing is lost at the end of a sheet."""

from datetime import UTC, datetime

import openpyxl

from ingest_service.domain.submission import (
    Finding,
    RuleCount,
    Severity,
    Submission,
    SubmissionState,
)
from ingest_service.reports import workbook
from servicekit.errors import Text

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
SUBMISSION = Submission(
    submission_id="s",
    upload_id="u",
    dataset="d",
    file_name='=HYPERLINK("x").csv',
    size_bytes=1,
    owner="o",
    submitter="@clerk",
    state=SubmissionState.VALIDATED,
    message=Text(en="en", id="id"),
    create_time=NOW,
    update_time=NOW,
    rows_read=5,
    control_totals={"rows": "5", "budget": "12345678901234567890.12"},
    rule_counts=(RuleCount("r", Severity.ERROR, 5),),
)


def _finding(row):
    said = Text(en=f"=en{row}", id=f"+id{row}")
    return Finding(row, "c", "-1+2" if row % 2 else "x" * 40_000, "r", Severity.ERROR, said, said)


def test_findings_go_on_in_another_sheet(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "_SHEET_ROWS", 2)
    path = tmp_path / "r.xlsx"
    book = workbook.ReportWorkbook(path, SUBMISSION)
    book.add([_finding(row) for row in range(3)])
    book.add([_finding(row) for row in range(3, 5)])
    book.close()
    read = openpyxl.load_workbook(path)
    rows = [line[0] for sheet in read.worksheets[1:] for line in list(sheet.values)[1:]]
    assert rows == [0, 1, 2, 3, 4]
    assert len(read.worksheets) == 4
    cells = [cell for sheet in read for line in sheet for cell in line]
    assert all(cell.data_type != "f" for cell in cells)
    assert not any(str(cell.value).startswith(("=", "+", "@")) for cell in cells if cell.value is not None)
    values = {cell.value for cell in cells}
    assert {"'-1+2", "'=en1", "12345678901234567890.12", "'@clerk"} <= values
    assert max(len(str(value)) for value in values) < 32_767
