"""Tables in workbooks and reports that were made for readers."""

import io

import openpyxl
import polars as pl
import pytest

from ingest_service.errors import ContractError

from support.contracts import check, contract_of, rule

LAYOUT = {
    "name": "regions in columns",
    "header": {"find": ["Uraian", "Kab. A"], "rows": 2},
    "above": {"unit": {"pattern": "dalam (jutaan|ribuan)"}},
    "skip": [{"pattern": "^Jumlah"}],
    "stop": [{"pattern": "^\\*"}],
    "unpivot": {"keep": {"Uraian": "account"}, "names": ["region", "status"], "value": "amount"},
}
COLUMNS = [
    {"name": "place_row", "type": "integer", "source": "@row", "key": True},
    {"name": "place_column", "type": "code", "source": "@column", "key": True},
    {"name": "unit", "type": "text"},
    {"name": "account", "type": "text"},
    {"name": "region", "type": "text"},
    {"name": "status", "type": "text"},
    {"name": "amount", "type": "decimal(20,2)"},
]


def _book(title="(dalam jutaan rupiah)"):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["APBD 2012"],
        [title],
        [],
        ["Uraian", "Kab. A", "Kab. B"],
        [None, "audited", "perda"],
        ["Pajak", 1.5, None],
        ["Jumlah", 1.5, None],
        ["Hibah", "x", 3],
        ["*) sementara"],
        ["Update per 2 Mei"],
    ):
        sheet.append(row)
    sheet.merge_cells("A4:A5")
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _contract(*layouts):
    return contract_of(COLUMNS, format={"type": "workbook", "template": {"layouts": list(layouts)}})


def test_columns_become_rows_with_their_places(tmp_path):
    outcome = check(tmp_path, _contract(LAYOUT), _book())
    assert outcome.good.with_columns(pl.col("amount").cast(pl.String)).rows() == [
        (6, "B", "jutaan", "Pajak", "Kab. A", "audited", "1.50"),
        (6, "C", "jutaan", "Pajak", "Kab. B", "perda", None),
        (8, "C", "jutaan", "Hibah", "Kab. B", "perda", "3.00"),
    ]
    assert outcome.errors == {(3, "amount", "type")}
    assert outcome.record(3)["@column"] == "B"
    assert outcome.counts["skipped"] == 3


def test_the_first_layout_that_fits(tmp_path):
    other = {"name": "long", "header": {"find": ["Kode", "Jumlah"]}}
    assert check(tmp_path, _contract(other, LAYOUT), _book()).good.height == 3
    refused = check(tmp_path, _contract(other), _book())
    assert refused.fatal == ["header"]
    assert "long: none of the first 30 rows" in refused.report.fatal[0].message_en
    missing = check(tmp_path, _contract(LAYOUT), _book("rupiah"))
    assert "says unit" in missing.report.fatal[0].message_en


def test_transposed(tmp_path):
    book = openpyxl.Workbook()
    for row in (["Daerah", "Kab. A", "Kab. B"], ["Pajak", 1, 2]):
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    columns = [
        {"name": "region", "type": "text", "source": "Daerah"},
        {"name": "n", "type": "integer", "source": "Pajak"},
    ]
    layout = {"name": "turned", "transpose": True, "header": {"row": 1}}
    contract = contract_of(columns, format={"type": "workbook", "template": {"layouts": [layout]}})
    assert check(tmp_path, contract, stream.getvalue()).good.rows() == [("Kab. A", 1), ("Kab. B", 2)]


REPORT = """1      KAS HARIAN
      June 09, 2005
 Masuk
 ------
 Rekening A:
   Pajak                      1,000
   Penerimaan yang panjang
     sekali                       5
   {odd}
   Jumlah A                   1,006
 Jumlah Masuk                 1,006
 catatan 1 2 3
"""
TEMPLATE = {
    "captures": {"day": {"pattern": "([A-Z][a-z]+ [0-9]{2}, [0-9]{4})"}},
    "sections": [{"name": "masuk", "begin": "^ Masuk", "end": "^ Jumlah Masuk"}],
    "line": "^(?P<item> .*?) +(?P<n>-?[0-9,]+)$",
    "continues": "item",
    "headings": ["account"],
    "total": "^Jumlah",
    "ignore": ["^ -+$"],
}
LINES = [
    {"name": "line", "type": "integer", "source": "@line", "key": True},
    {"name": "day", "type": "date", "style": {"format": "month dd, yyyy"}},
    {"name": "section", "type": "code", "source": "@section"},
    {"name": "kind", "type": "code", "source": "@kind"},
    {"name": "account", "type": "text"},
    {"name": "item", "type": "text"},
    {"name": "n", "type": "integer", "style": {"group": ","}},
]
ADDS_UP = rule(
    "adds_up",
    "s = t",
    column="n",
    let={
        "s": {"by": [], "agg": "sum(CASE WHEN kind = 'item' THEN n END)"},
        "t": {"by": [], "agg": "sum(CASE WHEN item = 'Jumlah Masuk' THEN n END)"},
    },
)


def _report(**template):
    return contract_of(LINES, rules=[ADDS_UP], format={"type": "report", "template": TEMPLATE | template})


def test_lines_of_a_report(tmp_path):
    outcome = check(tmp_path, _report(), REPORT.format(odd="Lain                           1"))
    assert outcome.good.select("line", "kind", "account", "item", "n").rows() == [
        (6, "item", "Rekening A", "Pajak", 1000),
        (8, "item", "Rekening A", "Penerimaan yang panjang sekali", 5),
        (9, "item", "Rekening A", "Lain", 1),
        (10, "total", "Rekening A", "Jumlah A", 1006),
        (11, "total", None, "Jumlah Masuk", 1006),
    ]
    assert str(outcome.good["day"][0]) == "2005-06-09"


def test_lines_that_do_not_add_up_are_not_published(tmp_path):
    outcome = check(tmp_path, _report(), REPORT.format(odd="Lain                           2"))
    assert outcome.fatal == ["no_good_row"]
    assert outcome.counts["adds_up"] == 5


def test_a_line_that_the_template_does_not_know(tmp_path):
    outcome = check(tmp_path, _report(continues=None), REPORT.format(odd=""))
    assert outcome.counts["line"] == 1


@pytest.mark.parametrize(
    ("cut", "words"),
    [(" Jumlah Masuk", "does not end"), (" Masuk\n", "is missing"), ("June", "does not say its day")],
)
def test_a_report_without_its_parts(tmp_path, cut, words):
    outcome = check(tmp_path, _report(), REPORT.format(odd="").replace(cut, " x\n"))
    assert words in outcome.report.fatal[0].message_en


def test_fixed_columns(tmp_path):
    columns = [{"name": "k", "type": "code"}, {"name": "n", "type": "integer"}]
    form = {"type": "report", "template": {"columns": {"k": [1, 3], "n": [4, 8]}}}
    outcome = check(tmp_path, contract_of(columns, format=form), "001   12\n002    x\n")
    assert outcome.good.rows() == [("001", 12)]
    assert outcome.errors == {(2, "n", "type")}


@pytest.mark.parametrize(
    "form",
    [
        {"type": "report"},
        {"type": "csv", "template": {"layouts": [LAYOUT]}},
        {"type": "report", "template": TEMPLATE | {"line": "("}},
        {"type": "report", "template": TEMPLATE | {"continues": "nothing"}},
        {"type": "workbook", "template": {"layouts": [LAYOUT | {"header": {}}]}},
        {"type": "csv", "header_row": 0},
    ],
)
def test_templates_that_say_nothing_useful(form):
    with pytest.raises(ContractError):
        contract_of(COLUMNS, format=form)
