"""Two states of a dataset held against each other."""

from decimal import Decimal

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.domain.comparison import ChangeKind
from ingest_service.engine.comparison import compare

SCHEMA = {"key": pl.String(), "value": pl.Decimal(20, 2)}
KEYED = st.dictionaries(st.sampled_from("abcdef"), st.one_of(st.none(), st.integers(0, 2)), max_size=6)
LOOSE = st.lists(st.tuples(st.sampled_from("ab"), st.one_of(st.none(), st.integers(0, 1))), max_size=8)


def _frame(rows):
    lines = [(key, None if value is None else Decimal(value)) for key, value in rows]
    return pl.LazyFrame(lines, schema=SCHEMA, orient="row")


@given(KEYED, KEYED)
def test_by_key(before, after):
    found = compare(_frame(before.items()), _frame(after.items()), ["key"], ["key", "value"], 100)
    common = before.keys() & after.keys()
    changed = {key for key in common if before[key] != after[key]}
    assert (found.added, found.removed, found.changed, found.same) == (
        len(after.keys() - common),
        len(before.keys() - common),
        len(changed),
        len(common - changed),
    )
    assert [row.key["key"] for row in found.rows] == sorted((before.keys() ^ after.keys()) | changed)
    for row in found.rows:
        if row.kind is ChangeKind.CHANGED:
            old, new = row.values["value"]
            key = row.key["key"]
            assert (old, new) == tuple(
                None if side[key] is None else f"{side[key]}.00" for side in (before, after)
            )


@given(LOOSE, LOOSE)
def test_without_a_key_equal_rows_pair_off(before, after):
    found = compare(_frame(before), _frame(after), [], ["key", "value"], 100)
    rows = set(before) | set(after)
    more = {row: after.count(row) - before.count(row) for row in rows}
    assert (found.added, found.removed, found.changed, found.same) == (
        sum(number for number in more.values() if number > 0),
        -sum(number for number in more.values() if number < 0),
        0,
        sum(min(after.count(row), before.count(row)) for row in rows),
    )
    assert len(found.rows) == sum(number != 0 for number in more.values())


def test_at_most_so_many_rows_one_by_one():
    frame = _frame((key, 1) for key in "abcdef")
    found = compare(frame.clear(), frame, ["key"], ["key", "value"], 2)
    assert (found.added, [row.key["key"] for row in found.rows]) == (6, ["a", "b"])
