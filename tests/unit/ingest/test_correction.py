"""Files of bad rows: no formula, no digit lost, and only where rows can be judged one by one."""

import csv
from io import StringIO

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.domain.contract import parse_declaration
from ingest_service.domain.correction import BadRow, correction_contract, neutral
from ingest_service.engine.columns import raw_name
from ingest_service.engine.readers.mended import MendedSource
from ingest_service.engine.readers.source import TextSource
from ingest_service.errors import CorrectionRefusedError
from ingest_service.reports.badrows import csv_pieces, values_of
from servicekit.errors import Text


class _Source(TextSource):
    def __init__(self, values):
        self._names, self._values = ["a"], values

    def blocks(self, types=None):
        yield pl.DataFrame({raw_name("a"): self._values}, schema={raw_name("a"): pl.String()})


def _contract(form="{type: csv, delimiter: ';'}", more="", columns=""):
    text = f"""
kind: Dataset
name: d
display_name: {{id: a, en: a}}
description: {{id: a, en: a}}
owner: s
contract:
  version: 1
  format: {form}
  columns:
    - {{name: code, source: Kode, type: code, key: true}}
    - {{name: day, source: Tanggal, type: date, style: {{format: dd/mm/yyyy}}}}
    - {{name: amount, source: Nilai, type: "decimal(20,2)", style: {{decimal: ",", group: "."}}}}
{columns}
  publish: {{mode: append}}
{more}
"""
    return parse_declaration(text).contract


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|x", "'+cmd|x"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("'=1", "''=1"),
        ("-1.234,50", "-1.234,50"),
        ("+7%", "+7%"),
        ("- 5", "'- 5"),
        ("'tis", "'tis"),
        ("", ""),
    ],
)
def test_a_formula_is_written_as_text(value, written):
    assert neutral(value) == written


@given(st.lists(st.text(alphabet="'=+-@\t\r1a;\n\"", max_size=8), min_size=1, max_size=20))
def test_what_was_written_as_text_is_read_as_it_was(values):
    source = MendedSource(_Source([neutral(value) for value in values]))
    read = pl.concat(source.blocks())[raw_name("a")].to_list()
    assert read == values
    assert not any(neutral(value).startswith(("=", "@", "\t", "\r")) for value in values)


def test_the_file_has_the_contracts_columns_delimiter_and_quotes():
    rows = [
        BadRow(7, {"Kode": '1;"2', "Nilai": "=9"}, "", [Text(en="code: bad", id="code: salah")]),
        BadRow(9, {}, "1;2;3;4", [Text(en="fields", id="isian")]),
    ]
    content = b"".join(csv_pieces(_contract(), rows, "id")).decode("utf-8-sig")
    lines = list(csv.reader(StringIO(content), delimiter=";"))
    assert lines == [
        ["Kode", "Tanggal", "Nilai", "lumbung_row", "lumbung_reasons"],
        ['1;"2', "", "'=9", "7", "code: salah"],
        ["", "", "", "9", "isian | 1;2;3;4"],
    ]


@pytest.mark.parametrize(
    ("column", "cell", "written"),
    [
        ("Nilai", "1234.0", "1234"),
        ("Nilai", "12.5", "12,5"),
        ("Nilai", "1.234", "1.234 (number or text?)"),
        ("Nilai", "1.234,50", "1.234,50"),
        ("Nilai", "1e+16", "1e+16"),
        ("Tanggal", "2026-01-31", "31/01/2026"),
        ("Tanggal", "31/02/2026", "31/02/2026"),
        ("Kode", "2026-01-31", "2026-01-31"),
    ],
)
def test_cells_of_workbooks_are_written_as_the_contract_has_texts(column, cell, written):
    contract = _contract("{type: xlsx}")
    values = values_of(contract, BadRow(1, {column: cell}, "", []), "en")
    assert values[["Kode", "Tanggal", "Nilai"].index(column)] == written


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {
                "more": "  rules:\n    - {id: sums, severity: error, let: {n: {by: [], agg: 'count(*)'}}, check: n > 1,"
                " message: {id: a, en: b}, remedy: {id: a, en: b}}"
            },
            "sums",
        ),
        (
            {"columns": "    - {name: part, carry: {from: code, values: [A]}, type: text}"},
            "part",
        ),
        ({"columns": "    - {name: file, source: '@file', type: text}"}, "file"),
        ({"form": "{type: parquet}"}, "parquet"),
    ],
)
def test_some_datasets_are_not_mended_row_by_row(changes, said):
    with pytest.raises(CorrectionRefusedError) as caught:
        correction_contract(_contract(**changes))
    for language in ("en", "id"):
        assert said in caught.value.sentence(language)


def test_a_correction_keeps_rules_of_a_row_and_drops_warnings_about_groups():
    rules = """  rules:
    - {id: one, severity: error, check: amount > 0, message: {id: a, en: b}, remedy: {id: a, en: b}}
    - {id: many, severity: warning, let: {n: {by: [], agg: 'count(*)'}}, check: n > 9, message: {id: a, en: b}, remedy: {id: a, en: b}}"""
    contract = correction_contract(
        _contract(more=rules, form="{type: csv, delimiter: '|', encoding: cp1252}")
    )
    assert [rule.id for rule in contract.rules] == ["one"]
    assert (contract.format.delimiter, contract.format.encoding) == ("|", "utf-8")
    assert contract.columns[-1].name == "lumbung_row"
    assert [column[0] for column in contract.stored_columns] == ["code", "day", "amount"]
