"""Files that are refused before anything parses them."""

import io
import zipfile

import openpyxl
import polars as pl
import pytest

from support.contracts import check, contract_of

COLUMNS = [
    {"name": "a", "type": "text"},
    {"name": "n", "type": "decimal(20,2)", "style": {"decimal": ",", "group": "."}},
]
CSV = contract_of(COLUMNS)
XLSX = contract_of(COLUMNS, format={"type": "xlsx"})
PARQUET = contract_of(COLUMNS, format={"type": "parquet"})


def _refused(tmp_path, contract, content, rule, words, **limits):
    outcome = check(tmp_path, contract, content, **limits)
    assert outcome.report.rejected
    assert outcome.fatal[0] == rule
    finding = outcome.report.fatal[0]
    assert words in finding.message_en
    assert finding.message_id
    assert finding.remedy_en
    assert finding.remedy_id
    assert outcome.good is None
    assert outcome.kept["severity"].unique().to_list() == ["fatal"]
    return outcome


@pytest.mark.parametrize(
    ("content", "rule", "words"),
    [
        (b"", "file", "empty"),
        (b"PK\x03\x04rest", "file", "ZIP/XLSX"),
        (b"\x1f\x8brest", "file", "cannot be unpacked"),
        (b"a;n\nx\x00y;1\n", "file", "offset 5"),
        (b"a;n\n\xe9;1\n", "file", "offset 4"),
        (b"a;n\nx;1\n\xc3", "file", "offset 8"),
        (b"\n", "header", "no header"),
        (b"a;m\nx;1\n", "header", "no column n"),
        (b"a;n;a\nx;1;2\n", "header", "2 times"),
        (b"a;n\n", "no_good_row", "None of the 0 rows"),
    ],
)
def test_csv(tmp_path, content, rule, words):
    if rule == "no_good_row":
        outcome = check(tmp_path, CSV, content)
        assert outcome.fatal == [rule]
        assert words in outcome.report.fatal[0].message_en
    else:
        _refused(tmp_path, CSV, content, rule, words)


def test_all_missing_columns_are_named(tmp_path):
    outcome = _refused(tmp_path, CSV, b"x;y\n1;2\n", "header", "no column a")
    assert [finding.column for finding in outcome.report.fatal] == ["a", "n"]
    assert outcome.kept.height == 2


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_line_that_is_too_long(tmp_path, place):
    lines = [b"a;n", b"x;1", b"y;2"]
    lines[place] = b"z" * 3_000_000
    outcome = _refused(tmp_path, CSV, b"\n".join(lines), "file", "longer than 1048576 bytes")
    assert outcome.report.fatal[0].value == str(sum(len(line) + 1 for line in lines[:place]))


def test_lines_at_the_limit_pass(tmp_path):
    lines = [b"a;n", *[b"z" * 98 + b";1" for _ in range(50)]]
    assert check(tmp_path, CSV, b"\n".join(lines), line_bytes=100).good.height == 50
    _refused(tmp_path, CSV, b"\n".join([*lines, b"z" * 99 + b";1"]), "file", "longer", line_bytes=100)


def test_other_encodings_and_a_byte_order_mark(tmp_path):
    latin = contract_of(COLUMNS, format={"type": "csv", "delimiter": ";", "encoding": "latin-1"})
    assert check(tmp_path, latin, "a;n\né;1\n".encode("latin-1")).good["a"].to_list() == ["é"]
    wide = contract_of(COLUMNS, format={"type": "csv", "delimiter": ";", "encoding": "utf-16"})
    assert check(tmp_path, wide, "a;n\né;1\n".encode("utf-16")).good["a"].to_list() == ["é"]
    assert check(tmp_path, CSV, b"\xef\xbb\xbfa;n\nx;1\n").good["a"].to_list() == ["x"]


def test_a_header_further_down(tmp_path):
    contract = contract_of(COLUMNS, format={"type": "csv", "delimiter": ";", "header_row": 3})
    outcome = check(tmp_path, contract, "Laporan\n\na;n;\nx;1;\n")
    assert outcome.good["a"].to_list() == ["x"]
    assert outcome.report.extra_columns == ("column_3",)


def _workbook(rows, title="Sheet"):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_xlsx_numbers_are_numbers_and_texts_are_read_in_style(tmp_path):
    content = _workbook([["a", "n"], ["x", 1234.5], ["y", 7], [], ["z", None]])
    outcome = check(tmp_path, XLSX, content)
    assert [str(value) for value in outcome.good["n"]] == ["1234.50", "7.00", "None"]
    content = _workbook([["a", "n"], ["x", "1.234,5"], ["y", "1.234"]])
    assert [str(value) for value in check(tmp_path, XLSX, content).good["n"]] == ["1234.50", "1234.00"]


def test_xlsx_cells_that_could_be_either_are_findings(tmp_path):
    content = _workbook([["a", "n"], ["x", "1.000.000"], ["y", 1.234], ["z", "12"]])
    outcome = check(tmp_path, XLSX, content)
    assert outcome.errors == {(2, "n", "type")}
    assert [str(value) for value in outcome.good["n"]] == ["1000000.00", "12.00"]


def test_xlsx_codes_keep_their_digits(tmp_path):
    contract = contract_of([{"name": "a", "type": "code", "pad": 4}], format={"type": "xlsx", "sheet": "D"})
    outcome = check(tmp_path, contract, _workbook([["a"], ["0101"], [7600], [11]], "D"))
    assert outcome.good["a"].to_list() == ["0101", "7600", "0011"]
    _refused(tmp_path, contract, _workbook([["a"], ["1"]]), "header", "no sheet D")


def test_xlsx_header(tmp_path):
    _refused(tmp_path, XLSX, _workbook([["a", "a", "n"], [1, 2, 3]]), "header", "2 times")
    _refused(tmp_path, XLSX, _workbook([["a"], [1]]), "header", "no column n")


def test_zip_bombs(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 50_000_000)
    bomb = content.getvalue()
    _refused(tmp_path, XLSX, bomb, "file", "times its size")
    _refused(tmp_path, XLSX, bomb, "file", "bytes", unpack_ratio=10_000_000, workbook_bytes=1_000_000)
    # A directory that lies about the size is found out while unpacking.
    lie = bomb.replace((50_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    _refused(tmp_path, XLSX, lie, "file", "")
    _refused(tmp_path, XLSX, b"PK\x03\x04 not a workbook", "file", "no XLSX workbook")


def test_parquet(tmp_path):
    frame = pl.DataFrame({"a": ["x"], "n": [1.0]})
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    whole = buffer.getvalue()
    assert check(tmp_path, PARQUET, whole).good.height == 1
    _refused(tmp_path, PARQUET, whole[:-1], "file", "PAR1")
    _refused(tmp_path, PARQUET, b"PAR1" + b"\x00" * 50 + b"PAR1", "file", "cannot be read")
    _refused(tmp_path, PARQUET, b"a;n\nx;1\n", "file", "PAR1")
    _refused(tmp_path, PARQUET, whole, "file", "unpacks to", unpacked_bytes=10)
    _refused(tmp_path, PARQUET, frame.select("a"), "header", "no column n")
    _refused(tmp_path, PARQUET, frame.with_columns(n=pl.struct("n")), "header", "nested")
