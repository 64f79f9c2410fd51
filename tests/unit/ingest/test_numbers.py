"""Numbers: what people write comes back exactly, and nothing else passes."""

import tempfile
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.contracts import check, contract_of

INDONESIAN = {"decimal": ",", "group": "."}


def _column(kind="decimal(20,2)", **changes):
    return {"name": "n", "type": kind, "required": True} | changes


def _indonesian(number: Decimal, grouped: bool) -> str:
    text = f"{number:,f}" if grouped else f"{number:f}"
    return text.translate(str.maketrans(",.", ".,"))


def _values(contract, texts):
    with tempfile.TemporaryDirectory() as folder:
        return check(Path(folder), contract, "n\n" + "".join(f"{text}\n" for text in texts))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.decimals(min_value=-(10**17), max_value=10**17, places=2), st.booleans()),
        min_size=1,
        max_size=20,
    )
)
def test_indonesian_numbers_come_back_exactly(numbers):
    contract = contract_of([_column(style=INDONESIAN)])
    outcome = _values(contract, [_indonesian(number, grouped) for number, grouped in numbers])
    assert outcome.good["n"].to_list() == [number for number, _grouped in numbers]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.decimals(min_value=-(10**12), max_value=10**12, places=6), min_size=1, max_size=20))
@pytest.mark.parametrize(("name", "mode"), [("half_even", ROUND_HALF_EVEN), ("half_up", ROUND_HALF_UP)])
def test_rounding_is_exact_and_counted(name, mode, numbers):
    contract = contract_of([_column("decimal(20,1)", round=name)])
    outcome = _values(contract, [f"{number:f}" for number in numbers])
    wanted = [number.quantize(Decimal("0.1"), rounding=mode) for number in numbers]
    assert outcome.good["n"].to_list() == wanted
    changed = sum(number != rounded for number, rounded in zip(numbers, wanted, strict=True))
    assert outcome.counts.get(f"rounded_{name}", 0) == changed
    assert outcome.quarantine is None


@pytest.mark.parametrize(
    ("style", "kind", "text", "value"),
    [
        (INDONESIAN, "decimal(20,0)", "1.234", "1234"),
        (INDONESIAN, "decimal(20,0)", "403.041.383.450.271", "403041383450271"),
        (INDONESIAN, "decimal(20,0)", "1234,00", "1234"),
        (INDONESIAN, "decimal(20,2)", "-0,5", "-0.50"),
        ({}, "decimal(20,2)", "1.5", "1.50"),
        ({}, "decimal(5,2)", "999.99", "999.99"),
        ({"decimal": ",", "group": ".", "suffix": "%"}, "decimal(18,2)", "111,36 %", "111.36"),
        ({}, "integer", "0007", "7"),
        (INDONESIAN, "integer", "1.000", "1000"),
        ({}, "integer", "-9223372036854775808", "-9223372036854775808"),
    ],
)
def test_numbers_that_pass(style, kind, text, value):
    outcome = _values(contract_of([_column(kind, style=style)]), [text, "1"])
    assert str(outcome.good["n"][0]) == value


@pytest.mark.parametrize(
    ("style", "kind", "text", "rule"),
    [
        (INDONESIAN, "decimal(20,0)", "1.23", "type"),
        (INDONESIAN, "decimal(20,0)", "12345.678", "type"),
        (INDONESIAN, "decimal(20,0)", "1,234.5", "type"),
        (INDONESIAN, "decimal(20,0)", "1.234.56", "type"),
        ({"decimal": ","}, "decimal(20,0)", "1.234", "type"),
        ({}, "decimal(20,0)", "1,234", "type"),
        ({}, "decimal(20,0)", "+5", "type"),
        ({}, "decimal(20,0)", "1e3", "type"),
        ({}, "decimal(20,2)", ".5", "type"),
        ({}, "decimal(20,2)", "5.", "type"),
        ({}, "decimal(20,2)", "--5", "type"),
        ({}, "decimal(20,2)", "NaN", "type"),
        ({}, "decimal(20,2)", "\u0665", "type"),
        ({}, "decimal(20,2)", "5 000", "type"),
        ({}, "decimal(5,2)", "1000.00", "type"),
        ({}, "decimal(20,0)", "1.5", "precision"),
        (INDONESIAN, "decimal(20,2)", "1,005", "precision"),
        ({}, "integer", "1.0", "type"),
        ({}, "integer", "9223372036854775808", "type"),
    ],
)
def test_numbers_that_do_not_pass(style, kind, text, rule):
    outcome = _values(contract_of([_column(kind, style=style)]), ["1", text])
    assert outcome.errors == {(2, "n", rule)}
    assert outcome.quarantine["value"].to_list() == [text]


def test_doubles_of_a_parquet_file(tmp_path):
    frame = pl.DataFrame({"n": [0.5, 1.5, 2.0, 2.0**53 + 2, float("nan"), None, 586616487430.0]})
    contract = contract_of([_column("decimal(20,0)", round="half_even")], format={"type": "parquet"})
    outcome = check(tmp_path, contract, frame)
    assert outcome.good["n"].to_list() == [Decimal(0), Decimal(2), Decimal(2), Decimal(586616487430)]
    assert outcome.errors == {(4, "n", "inexact"), (5, "n", "type"), (6, "n", "required")}
    assert outcome.counts["rounded_half_even"] == 2


def test_doubles_without_a_rounding_rule(tmp_path):
    frame = pl.DataFrame({"n": [0.25, 0.285, 3.0]})
    outcome = check(tmp_path, contract_of([_column("decimal(20,2)")], format={"type": "parquet"}), frame)
    assert outcome.good["n"].to_list() == [Decimal("0.25"), Decimal("3.00")]
    assert outcome.errors == {(2, "n", "precision")}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(min_value=-1e9, max_value=1e9), min_size=1, max_size=20))
def test_doubles_round_as_their_shortest_text(numbers):
    contract = contract_of([_column("decimal(20,2)", round="half_up")], format={"type": "parquet"})
    with tempfile.TemporaryDirectory() as folder:
        outcome = check(Path(folder), contract, pl.DataFrame({"n": numbers}))
    wanted = [Decimal(repr(x)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP) for x in numbers]
    assert outcome.good["n"].to_list() == wanted


def test_decimals_and_integers_of_a_parquet_file(tmp_path):
    frame = pl.DataFrame({"n": pl.Series([Decimal("1.50"), Decimal("2.25")], dtype=pl.Decimal(10, 2))})
    outcome = check(tmp_path, contract_of([_column("decimal(20,1)")], format={"type": "parquet"}), frame)
    assert outcome.good["n"].to_list() == [Decimal("1.5")]
    assert outcome.errors == {(2, "n", "precision")}
    whole = pl.DataFrame({"n": [1, 2**40]})
    outcome = check(tmp_path, contract_of([_column("decimal(20,1)")], format={"type": "parquet"}), whole)
    assert outcome.good["n"].to_list() == [Decimal(1), Decimal(2**40)]
