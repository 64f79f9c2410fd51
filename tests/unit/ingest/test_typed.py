"""What the reader turns into values is what the contract's own parsers make of the text."""

import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest_service.engine.plan import Plan
from ingest_service.engine.readers.csv import CsvSource
from ingest_service.engine.readers.typed import is_plain

from support.contracts import check, contract_of, rule

COLUMNS = [
    {"name": "i", "type": "integer"},
    {"name": "m", "type": "decimal(20,0)"},
    {"name": "c", "type": "decimal(12,2)", "style": {"decimal": ",", "group": "."}},
    {"name": "d", "type": "date"},
    {"name": "a", "type": "text", "required": True},
    {"name": "k", "type": "code", "pad": 3, "pattern": "[0-9x]*"},
]
RULES = [rule("low", "m >= 0", column="m"), rule("odd", "i <> 3", column="i", severity="warning")]
NUMBER = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.integers(-999, 9999).map(str),
    st.text(alphabet="0123456789+-.,eExX \t_\u00a0\u0665", max_size=6),
)
DAY = st.one_of(
    st.dates(date(1, 1, 1)).map(date.isoformat),
    st.text(alphabet="0123456789-/ T", max_size=11),
    st.sampled_from(["0000-01-01", "2026-02-29", "2024-02-29", " 2024-02-29", "2024-02-29T00:00"]),
)
# White space of ASCII and beyond it, the first and last visible characters, what is neither.
CODE = st.one_of(st.sampled_from(["7", "007", ""]), st.text(alphabet="0x!~ \t\x1f\u0085\u00a0é", max_size=4))
ROW = st.tuples(NUMBER, NUMBER, NUMBER, DAY, st.sampled_from(["x", "", " y "]), CODE)


def _content(rows) -> str:
    return "i;m;c;d;a;k\n" + "".join(";".join(row) + "\n" for row in rows)


def _said(outcome):
    report = outcome.report
    # Python has no year 0.
    frames = [
        None if frame is None else frame.cast({pl.Date: pl.Int32}).rows()
        for frame in (outcome.good, outcome.quarantine, outcome.kept)
    ]
    return (
        report.rejected,
        report.rows_read,
        report.rows_bad,
        report.rule_counts,
        report.control_totals,
        frames,
    )


def _both_ways(content, **changes):
    """The outcomes with typed reading and with none."""
    contract = contract_of(
        COLUMNS, rules=RULES, control_totals=[{"id": "t", "sum": "m", "by": ["a"]}], **changes
    )
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        fast = _said(check(Path(first), contract, content, block_bytes=200))
        with patch.object(CsvSource, "readable_types", lambda *_: {}):
            slow = _said(check(Path(second), contract, content, block_bytes=200))
    return fast, slow


@settings(deadline=None, max_examples=60)
@given(st.lists(ROW, min_size=1, max_size=40))
@example([("0x10", "1", "1", "2024-01-01", "x", "7")])
@example([("+1", "+1", "+1", "2024-01-01", "x", "7")])
@example([("7", "-1", "1", "2024-01-01", "x", "7")] * 30 + [("1", "1", "1.000", "2024-1-1", "x", "7")] * 30)
@example(
    [("7", "1", "1", "2024-01-01", "x", "7")] * 30
    + [("3", "1", "1", "", "", "")]
    + [("7", "1", "1", "", "x", "x")] * 60
)
def test_typed_reading_changes_nothing(rows):
    fast, slow = _both_ways(_content(rows))
    assert fast == slow


def test_broken_rows_and_quotes_change_nothing():
    rows = [(str(n), f'"{n}"', "5", "2024-01-01", '"x;\ny"', "7") for n in range(100)]
    content = _content(rows).replace("\n40;", "\n40;;;;;;;;\n40;").replace('\n70;"70"', '\n70;"-70"')
    fast, slow = _both_ways(content)
    assert fast == slow
    assert fast[2] == 2


@pytest.mark.parametrize("space", [" ", "\t", "\u00a0", "\u0085", "\u3000"])
@pytest.mark.parametrize("where", ["{}a", "a{}"])
def test_text_that_has_to_be_stripped_is_found(tmp_path, space, where):
    contract = contract_of([{"name": "a", "type": "text"}, {"name": "b", "type": "text"}])
    outcome = check(tmp_path, contract, f"a;b\n;z\nx y;é\n{where.format(space)};\n;\n")
    assert outcome.good.rows() == [(None, "z"), ("x y", "é"), ("a", None), (None, None)]


def test_plain_text_is_told_by_its_ends():
    def plain(values, start=0):
        return is_plain(pa.array(values, pa.string()).slice(start))

    assert plain(["x y", "", "!~", None, "4"])
    assert plain(["", "", None])
    assert plain([])
    assert plain([" a", "b"], start=1)
    for bad in (" a", "a ", "\ta", "a\x7f", "éa", "aé"):
        assert not plain(["x", bad, "x"]), bad
        assert not plain([bad]), bad


def test_the_contract_s_null_values_count(tmp_path):
    columns = [{"name": "i", "type": "integer", "null_values": ["-"]}, {"name": "j", "type": "integer"}]
    form = {"type": "csv", "delimiter": ";", "null_values": ["", "9"]}
    outcome = check(tmp_path, contract_of(columns, format=form), "i;j\n-;9\n9;1\nNULL;1\n")
    assert outcome.good.rows() == [(None, None), (None, 1)]
    assert outcome.errors == {(3, "i", "type")}


def test_only_the_block_with_the_finding_is_read_as_text(tmp_path):
    kinds = []

    def run(plan, block, carried):
        kinds.append(block.schema["__raw:n"])
        return real(plan, block, carried)

    real = Plan.run
    lines = [f"{n:04};x" for n in range(1000)]
    lines[500] = "-500;x"
    contract = contract_of(
        [{"name": "n", "type": "decimal(20,0)"}, {"name": "a", "type": "text"}], rules=[rule("low", "n >= 0")]
    )
    with patch.object(Plan, "run", run):
        outcome = check(tmp_path, contract, "n;a\n" + "\n".join(lines), block_bytes=700)
    assert outcome.errors == {(501, "", "low")}
    assert outcome.record(501) == {"n": "-500", "a": "x"}
    assert kinds.count(pl.String()) == 1
    assert kinds.count(pl.Int64()) >= 8


def test_a_hexadecimal_on_the_edge_of_two_reads(tmp_path):
    edge = 2**20
    head = "n;a\n"
    filler = "1;" + "y" * (edge - len(head) - len("1;\n0")) + "\n"
    content = head + filler + "0x10;z\n"
    assert content.index("0x10") == edge - 1
    contract = contract_of([{"name": "n", "type": "integer"}, {"name": "a", "type": "text"}])
    outcome = check(tmp_path, contract, content, line_bytes=2 * edge)
    assert outcome.errors == {(2, "n", "type")}


def test_parts_carry_ids_statistics_and_plain_types(tmp_path):
    contract = contract_of(
        [{"name": "m", "type": "decimal(20,0)", "required": True}, {"name": "a", "type": "text"}],
        provenance={"row": "row", "submission": "s"},
    )
    outcome = check(tmp_path, contract, "m;a\n" + "5;x\n" * 300 + "7;\n")
    (part,) = outcome.report.good
    assert outcome.good.schema == {
        "m": pl.Decimal(20, 0),
        "a": pl.String,
        "row": pl.Int64,
        "s": pl.String,
    }
    assert outcome.good.row(300) == (Decimal(7), None, 301, "s1")
    schema = pq.read_schema(part.path)
    assert [field.nullable for field in schema] == [False, True, False, False]
    group = pq.read_metadata(part.path).row_group(0)
    bounds = {group.column(i).path_in_schema: group.column(i).statistics for i in range(4)}
    assert (bounds["m"].min, bounds["m"].max) == (Decimal(5), Decimal(7))
    assert (bounds["s"].min, bounds["s"].max) == ("s1", "s1")
    assert bounds["a"].null_count == 1


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_bytes_beyond_ascii_are_looked_at(tmp_path, encoding):
    form = {"type": "csv", "delimiter": ";", "encoding": encoding}
    contract = contract_of([{"name": "n", "type": "integer"}, {"name": "a", "type": "text"}], format=form)
    outcome = check(tmp_path, contract, "n;a\n1;é\n".encode(encoding))
    assert outcome.good.rows() == [(1, "é")]
    bad = b"n;a\n1;\xc3" if encoding == "utf-8" else b"n;a\n1;\x81"
    assert check(tmp_path, contract, bad + b"\n").fatal == ["file"]
