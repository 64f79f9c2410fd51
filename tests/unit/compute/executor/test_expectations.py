"""Expectations: a null is false, messages are filled, nothing else of a template works."""

import polars as pl

from compute_service.domain.pipeline import Expectation, Words
from compute_service.executor.expectations import measure

FRAME = pl.DataFrame({"name": ["a", "b", "c"], "x": [1, None, 3], "share": [0.123456, 1.0, 2.0]})


def outcome(**fields):
    words = {
        "id": "e",
        "of": "s",
        "check": "x > 0",
        "message": Words(id="{name} salah", en="{name} is wrong"),
    }
    return measure(FRAME, Expectation(**(words | fields)))


def test_a_null_counts_as_false_and_the_row_is_shown():
    found = outcome()
    assert not found.passed
    assert found.message.en == "2 of 3 rows hold. b is wrong"
    assert found.message.id == "2 dari 3 baris memenuhi. b salah"


def test_where_narrows_and_min_rows_is_counted_after_it():
    assert outcome(where="x IS NOT NULL", min_rows=2).passed
    short = outcome(where="x > 1", min_rows=2)
    assert not short.passed
    assert "At least 2 rows" in short.message.en


def test_at_most_20_rows_are_shown():
    many = pl.DataFrame({"name": [str(number) for number in range(50)], "x": [0] * 50})
    words = Expectation("e", "s", "x > 0", Words(en="<{name}>"))
    text = measure(many, words).message.en
    assert text.count("<") == 20
    assert "30 more" in text


def test_a_template_reaches_columns_only():
    text = outcome(message=Words(en="{share} {nothing} {name.__class__} {0}")).message.en
    assert "1.0000 {nothing} {name.__class__} {0}" in text
