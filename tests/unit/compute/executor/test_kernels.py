"""Kernels: exact, and the same however the rows are cut."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute_service.domain.pipeline import Aggregate, Join, Measure, Rows
from compute_service.errors import RunFailedError
from compute_service.executor.kernels import aggregate, combine, join, rows

SUMS = Aggregate(
    "s",
    "x",
    ("k",),
    (
        Measure("total", "sum", "v"),
        Measure("whole", "sum", "i"),
        Measure("n", "count", "*"),
        Measure("filled", "count", "v"),
        Measure("low", "min", "v"),
        Measure("high", "max", "i"),
    ),
)
SCHEMA = {"k": pl.String, "v": pl.Decimal(20, 2), "i": pl.Int64}
CELLS = st.tuples(
    st.sampled_from(["a", "b", None]),
    st.none() | st.decimals(min_value=-(10**15), max_value=10**15, places=2),
    st.none() | st.integers(-(2**40), 2**40),
)


def table(records, schema=None):
    return pl.DataFrame(records, schema=schema or SCHEMA, orient="row")


@settings(max_examples=40, deadline=None)
@given(st.lists(CELLS, max_size=30), st.integers(1, 5), st.randoms())
def test_sums_do_not_depend_on_parts_or_order(records, parts, random):
    whole = combine(aggregate(table(records).lazy(), SUMS).lazy(), SUMS)
    shuffled = list(records)
    random.shuffle(shuffled)
    cut = [aggregate(table(shuffled[number::parts]).lazy(), SUMS) for number in range(parts)]
    assert combine(pl.concat(cut).lazy(), SUMS).equals(whole)
    for key, total, filled in whole.select("k", "total", "filled").iter_rows():
        mine = [value for k, value, _ in records if k == key and value is not None]
        assert total == (sum(mine, Decimal(0)) if mine else None)
        assert filled == len(mine)


def test_no_groups_give_one_row_also_for_no_rows():
    step = Aggregate("s", "x", (), (Measure("total", "sum", "v"), Measure("n", "count", "*")))
    result = combine(aggregate(table([]).lazy(), step).lazy(), step)
    assert result.rows() == [(None, 0)]


def test_rows_come_sorted_and_null_is_a_group():
    result = combine(
        aggregate(table([("b", None, 1), (None, None, 2), ("a", None, 3)]).lazy(), SUMS).lazy(), SUMS
    )
    assert result["k"].to_list() == [None, "a", "b"]


def test_a_sum_above_38_digits_fails_instead_of_wrapping():
    high = Decimal("9" * 38)
    frame = table([("a", high, 1)] * 300, {"k": pl.String, "v": pl.Decimal(38, 0), "i": pl.Int64})
    with pytest.raises((RunFailedError, pl.exceptions.ComputeError)):
        aggregate(frame.lazy(), SUMS)


def test_a_sum_of_whole_numbers_above_64_bits_fails():
    frame = table([("a", None, 2**62)] * 3)
    with pytest.raises(pl.exceptions.PolarsError):
        aggregate(frame.lazy(), SUMS)


def test_a_sum_of_floats_is_refused():
    frame = pl.DataFrame({"k": ["a"], "v": [1.5], "i": [1]})
    with pytest.raises(RunFailedError, match="exact"):
        aggregate(frame.lazy(), SUMS)


def test_rows_filter_add_and_select():
    step = Rows("r", "x", "i > 1", {"double": "i * 2", "i": "i + 100"}, ("double", "i"))
    frame = rows(table([("a", None, 1), ("a", None, 2), ("a", None, None)]).lazy(), step).collect()
    assert frame.rows() == [(4, 102)]


@pytest.mark.parametrize(
    "step",
    [Rows("r", "x", select=("nothing",)), Rows("r", "x", where="nothing > 1", select=("nothing",))],
)
def test_a_column_that_is_not_there_is_named(step):
    with pytest.raises((RunFailedError, pl.exceptions.ColumnNotFoundError), match="nothing"):
        rows(table([]).lazy(), step)


LEFT = pl.DataFrame({"k": ["a", "b", None], "x": [1, 2, 3]})
RIGHT = pl.DataFrame({"k": ["b", "c", None], "x": [20, 30, 40]})


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("inner", [("b", 2, 20)]),
        ("left", [("a", 1, None), ("b", 2, 20), (None, 3, None)]),
        ("full", [("a", 1, None), ("b", 2, 20), (None, 3, None), ("c", None, 30), (None, None, 40)]),
    ],
)
def test_joins_match_keys_but_never_null(how, expected):
    step = Join("j", "l", "r", ("k",), how, {"y": "x"})
    assert join(LEFT, RIGHT, step).rows() == expected


def test_a_repeated_key_is_named():
    twice = pl.concat([RIGHT, RIGHT])
    with pytest.raises(RunFailedError, match=r"k=b stands more than once in r"):
        join(LEFT, twice, Join("j", "l", "r", ("k",), "left", {}, "m:1"))
    with pytest.raises(RunFailedError, match=r"k=b stands more than once in l"):
        join(twice, RIGHT, Join("j", "l", "r", ("k",), "left", {}))
    assert join(twice, RIGHT, Join("j", "l", "r", ("k",), "inner", {}, "m:1")).height == 4


def test_keys_of_different_types_and_taken_names_are_named():
    with pytest.raises(RunFailedError, match="key k is"):
        join(LEFT, RIGHT.with_columns(k=1), Join("j", "l", "r", ("k",), "left", {}))
    with pytest.raises(RunFailedError, match="x is a column"):
        join(LEFT, RIGHT, Join("j", "l", "r", ("k",), "left", {"x": "x"}))
