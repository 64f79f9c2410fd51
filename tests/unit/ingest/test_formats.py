"""Every format gives the same rows, also packed; and what is wrong with a file is said where it is."""

import gzip
import io
import json
import zipfile

import openpyxl
import polars as pl
import pyarrow as pa
import pytest

from support.contracts import check, contract_of

COLUMNS = [
    {"name": "k", "type": "code", "source": "kode", "key": True},
    {"name": "n", "type": "decimal(20,2)", "source": "nilai", "style": {"decimal": ",", "group": "."}},
]
ROWS = [("007", "1.234,50"), ("008", "2"), ("009", None)]
GOOD = [("007", "1234.50"), ("008", "2.00"), ("009", None)]


def _csv() -> bytes:
    return b"kode;nilai\n007;1.234,50\n008;2\n009;\n"


def _json_rows():
    return [{"kode": "007", "nilai": 1234.5}, {"kode": "008", "nilai": 2}, {"kode": "009"}]


def _workbook(rows=(["kode", "nilai"], ["007", 1234.5], ["008", "2"], ["009", None]), change=None) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change is not None:
        change(book)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _arrow(writer) -> bytes:
    stream = io.BytesIO()
    table = pa.table({"kode": ["007", "008", "009"], "nilai": [1234.5, 2.0, None]})
    with writer(stream, table.schema) as out:
        out.write_table(table)
    return stream.getvalue()


def _zip(files) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _zstd(content) -> bytes:
    return pa.compress(content, "zstd", asbytes=True)


CSV = {"type": "csv", "delimiter": ";"}
FORMATS = {
    "csv": (CSV, _csv()),
    "csv gz": (CSV, gzip.compress(_csv())),
    "csv zip": (CSV, _zip({"a.csv": _csv()})),
    "csv utf-16": (CSV | {"encoding": "utf-16"}, _csv().decode().encode("utf-16")),
    "csv detected": (CSV | {"encoding": "detect"}, _csv().decode().encode("utf-16")),
    "csv without header": (
        CSV | {"header_row": 0, "names": ["kode", "nilai"]},
        _csv().partition(b"\n")[2],
    ),
    "csv with the header it need not have": (CSV | {"header_row": 0, "names": ["kode", "nilai"]}, _csv()),
    "json": ({"type": "json"}, json.dumps(_json_rows()).encode()),
    "json records": (
        {"type": "json", "records": "data"},
        json.dumps({"meta": {"x": [1]}, "data": _json_rows()}).encode(),
    ),
    "jsonl": ({"type": "jsonl"}, "\n".join(json.dumps(row) for row in _json_rows()).encode()),
    "arrow file": ({"type": "arrow"}, _arrow(pa.ipc.new_file)),
    "arrow stream": ({"type": "arrow"}, _arrow(pa.ipc.new_stream)),
    "xlsx": (
        {"type": "xlsx"},
        _workbook((["kode", "nilai"], ["007", 1234.5], ["008", 2], ["009", None])),
    ),
    "workbook": ({"type": "workbook"}, _workbook()),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_rows(tmp_path, name):
    form, content = FORMATS[name]
    outcome = check(tmp_path, contract_of(COLUMNS, format=form), content)
    assert not outcome.report.rejected, outcome.report.fatal
    assert outcome.good.cast(pl.String).rows() == GOOD


def test_zstd(tmp_path):
    content = _zstd(_csv())
    outcome = check(tmp_path, contract_of(COLUMNS, format=CSV), content)
    assert outcome.good.height == 3


def test_files_of_a_zip_are_one_submission_and_know_their_names(tmp_path):
    columns = [*COLUMNS, {"name": "f", "type": "text", "source": "@file"}]
    bad = b"kode;nilai\n1;x;y\n2;x\n"
    files = _zip({"b.csv": bad, "a.csv": _csv(), "c.csv": b"kode;nilai\nz;1\n"})
    outcome = check(tmp_path, contract_of(columns, format=CSV), files)
    assert outcome.good["f"].to_list() == ["a.csv"] * 3 + ["c.csv"]
    assert outcome.errors == {(4, "", "fields"), (5, "n", "type")}


@pytest.mark.parametrize("refused", ["reject", "quarantine"])
def test_a_refused_file_of_a_zip(tmp_path, refused):
    files = _zip({"a.csv": b"other\n1\n", "b.csv": _csv()})
    outcome = check(tmp_path, contract_of(COLUMNS, format=CSV | {"refused": refused}), files)
    if refused == "reject":
        assert outcome.fatal == ["header", "header"]
        assert outcome.report.fatal[0].message_en.startswith("a.csv: ")
    else:
        assert outcome.good.height == 3
        assert outcome.quarantine.select("source_row", "value", "rule").row(0) == (1, "a.csv", "header")


def _hide(book):
    book.create_sheet("B")
    book.active.sheet_state = "hidden"
    book.active = 1


def _formula(book):
    book.active["B2"] = "=1+1"


REFUSED = {
    # name: format, content, rule, row, words
    "wrong encoding halfway": (CSV, _csv() + "é;1\n".encode("cp1252"), "file", 5, "Byte e9 at offset"),
    "another encoding's mark": (CSV, _csv().decode().encode("utf-16"), "file", 0, "utf-16"),
    "NUL": (CSV, _csv() + b"a\0b;1\n", "file", 5, "byte 0"),
    "quote never closed": (CSV, b'kode;nilai\n1;2\n"3;4\n5;6\n', "file", 3, "never closed"),
    "100,000 columns": (CSV, b";".join(b"c%d" % i for i in range(100_000)) + b"\n", "header", 0, "100000"),
    "truncated gz": (CSV, gzip.compress(_csv())[:-9], "file", 0, "unpacked"),
    "truncated zst": (CSV, _zstd(_csv() * 100)[:-4], "file", 0, "unpacked"),
    "json cut off": ({"type": "json"}, json.dumps(_json_rows()).encode()[:-9], "file", 0, "JSON"),
    "arrow cut off": ({"type": "arrow"}, _arrow(pa.ipc.new_stream)[:-8], "file", 0, "cut off"),
    "hidden sheet": ({"type": "xlsx"}, _workbook(change=_hide), "file", 0, "hidden"),
    "formula without a value": ({"type": "xlsx"}, _workbook(change=_formula), "file", 0, "B2"),
    "macros": (
        {"type": "xlsx"},
        _zip({"[Content_Types].xml": b"", "xl/vbaProject.bin": b"x"}),
        "file",
        0,
        "macros",
    ),
    "password": (
        {"type": "xlsx"},
        b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
        "file",
        0,
        "password",
    ),
    "zip in a zip": (CSV, _zip({"a.csv": _zip({"b": b""}), "b.csv": _csv()}), "file", 0, "a.csv"),
    "zip with something else": (CSV | {"members": "*.csv"}, _zip({"a.exe": b"x"}), "file", 0, "a.exe"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_refuses_a_file_says_why_and_where(tmp_path, name):
    form, content, rule, row, words = REFUSED[name]
    outcome = check(tmp_path, contract_of(COLUMNS, format=form), content)
    finding = outcome.report.fatal[0]
    assert (finding.rule, finding.row) == (rule, row)
    assert words in finding.message_en
    assert finding.message_id
    assert finding.remedy_en
    assert finding.remedy_id


def test_bad_values_are_findings_and_never_become_others(tmp_path):
    columns = [
        {"name": "k", "type": "code", "key": True, "pattern": "[0-9]{3}"},
        {"name": "n", "type": "decimal(20,0)", "style": {"decimal": ",", "group": "."}},
        {"name": "d", "type": "date", "style": {"format": "dd/mm/yyyy"}},
    ]
    content = (
        "k;n;d\n"
        "001;1.234;31/01/2024\n"
        "002;1.234,56;\n"
        "003;1,234.56;\n"
        "004;10671826520445.189;\n"
        "005;;31/02/2024\n"
        "006;;45321\n"
        "7;1;\n"
        "008;1;\n008;2;\n"
    )
    outcome = check(tmp_path, contract_of(columns), content)
    assert outcome.good["k"].to_list() == ["001"]
    assert outcome.errors == {
        (2, "n", "precision"),
        (3, "n", "type"),
        (4, "n", "type"),
        (5, "d", "type"),
        (6, "d", "type"),
        (7, "k", "pattern"),
        (8, "k", "key_repeated"),
        (9, "k", "key_repeated"),
    }


def test_errors_in_cells_are_findings(tmp_path):
    def broken(book):
        book.active["B3"] = "#N/A"
        book.active["B3"].data_type = "e"

    outcome = check(tmp_path, contract_of(COLUMNS, format={"type": "xlsx"}), _workbook(change=broken))
    assert outcome.errors == {(2, "n", "type")}
    assert outcome.quarantine["value"].to_list() == ["#N/A"]


def test_a_record_that_is_none_is_a_finding(tmp_path):
    lines = b'{"kode":"1","nilai":1}\n{"kode":"2","kode":"3"}\n[1]\n{"kode":"4","nilai":{"x":1}}\n{"ko\n'
    outcome = check(tmp_path, contract_of(COLUMNS, format={"type": "jsonl"}), lines)
    assert outcome.good["k"].to_list() == ["1"]
    assert outcome.errors == {(row, "", "fields") for row in (2, 3, 4, 5)}
