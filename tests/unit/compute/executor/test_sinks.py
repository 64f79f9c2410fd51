"""Rows against the contract of a sink."""

from decimal import Decimal

import polars as pl
import pytest

from compute_service.domain.contract import parse_contract
from compute_service.errors import RunFailedError
from compute_service.executor.sinks import check_keys, check_rows, fit_contract

CONTRACT = parse_contract(
    "result",
    """
contract:
  columns:
    - {name: year, type: integer, key: true}
    - {name: amount, type: "decimal(12,2)"}
    - {name: share, type: "decimal(9,4)", round: half_even}
    - {name: status, type: text, required: true, allowed: [good, bad]}
    - {name: hidden, type: text, temporary: true}
""",
)


def fitted(**columns):
    frame = pl.DataFrame(
        {"year": [1], "amount": [Decimal("1.50")], "share": [0.5], "status": ["good"]} | columns
    )
    after = fit_contract(frame.lazy(), CONTRACT).collect()
    check_rows(frame, after, CONTRACT)
    check_keys(after.select(CONTRACT.keys), CONTRACT)
    return after


def test_columns_come_in_the_contracts_order_and_types():
    after = fitted(extra=["x"])
    assert after.schema == {
        "year": pl.Int64, "amount": pl.Decimal(12, 2), "share": pl.Decimal(9, 4), "status": pl.String,
    }  # fmt: skip
    assert CONTRACT.keys == ("year",)
    assert [column.required for column in CONTRACT.schema().columns] == [True, False, False, True]


def test_rounding_is_only_for_columns_that_declare_it():
    assert fitted(share=[0.12345])["share"][0] in {Decimal("0.1234"), Decimal("0.1235")}
    assert fitted(amount=[2.5])["amount"][0] == Decimal("2.50")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"amount": [Decimal("1.234")]}, "amount"),
        ({"amount": [0.001]}, "amount"),
        ({"status": [None]}, "required"),
        ({"status": ["ugly"]}, "not allowed"),
        ({"year": [None]}, "required"),
    ],
)
def test_a_loss_a_null_or_a_strange_value_fails(columns, said):
    with pytest.raises((RunFailedError, pl.exceptions.PolarsError), match=said):
        fitted(
            **{
                name: pl.Series(value, dtype=pl.String if value == [None] and name == "status" else None)
                for name, value in columns.items()
            }
        )


def test_a_value_too_large_for_its_type_fails():
    with pytest.raises((RunFailedError, pl.exceptions.PolarsError)):
        fitted(amount=[10**11])


def test_a_missing_column_and_a_repeated_key_are_named():
    frame = pl.DataFrame({"year": [1]})
    with pytest.raises(RunFailedError, match="amount is missing"):
        fit_contract(frame.lazy(), CONTRACT)
    with pytest.raises(RunFailedError, match="year=7 is repeated"):
        check_keys(pl.DataFrame({"year": [7, 7]}), CONTRACT)
