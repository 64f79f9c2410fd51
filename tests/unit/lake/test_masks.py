import hashlib
import hmac
from datetime import UTC, date, datetime

import polars as pl
import pytest

from lake import Column, Mask, TableSchema
from lake.masks import mask_column, masked_schema

KEY = b"0123456789abcdef0123456789abcdef"
TEXT = Column("c", "text")


def shown(column: Column, values: list[object], mask: Mask) -> list[object]:
    frame = pl.LazyFrame({"c": values}, schema={"c": column.polars_type})
    return frame.with_columns(mask_column(column, mask, KEY)).collect()["c"].to_list()


def test_redact() -> None:
    assert shown(TEXT, ["secret", "", None], Mask.REDACT) == ["xxxx", "xxxx", None]
    assert shown(Column("c", "int"), [1, None], Mask.REDACT) == [None, None]


def test_nullify() -> None:
    for kind in ("text", "int", "date", "bool", "decimal(20,2)"):
        assert shown(Column("c", kind), [None, None], Mask.NULLIFY) == [None, None]
    assert shown(TEXT, ["a", "b"], Mask.NULLIFY) == [None, None]


def test_hash_is_keyed_and_keeps_equality() -> None:
    first, second, third, none = shown(TEXT, ["3201", "3202", "3201", None], Mask.HASH)
    assert first == hmac.new(KEY, b"3201", hashlib.sha256).hexdigest()
    assert first == third
    assert first != second
    assert none is None
    assert first != hashlib.sha256(b"3201").hexdigest()


def test_hash_of_other_types_is_text() -> None:
    expected = hmac.new(KEY, b"7", hashlib.sha256).hexdigest()
    assert shown(Column("c", "int"), [7, None], Mask.HASH) == [expected, None]
    assert masked_schema(TableSchema((Column("c", "int", required=True),)), {"c": Mask.HASH}).columns == (
        TEXT,
    )


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_hash_in_both_engines(engine: str) -> None:
    frame = pl.LazyFrame({"c": [str(n % 1000) for n in range(50_000)]})
    result = frame.with_columns(mask_column(TEXT, Mask.HASH, KEY)).collect(engine=engine)  # type: ignore[call-overload]
    assert result["c"].n_unique() == 1000
    assert result["c"][999] == hmac.new(KEY, b"999", hashlib.sha256).hexdigest()


def test_last4() -> None:
    values: list[object] = ["1234567890", "1234", "12", "", "éèêëàç", "a\nbcdef", None]
    masked = ["xxxxxx7890", "xxxx", "xx", "", "xxêëàç", "xxxcdef", None]
    assert shown(TEXT, values, Mask.LAST4) == masked


def test_date_to_year() -> None:
    assert shown(Column("c", "date"), [date(2017, 8, 17), None], Mask.DATE_TO_YEAR) == [
        date(2017, 1, 1),
        None,
    ]
    moment = datetime(2017, 8, 17, 10, 5, tzinfo=UTC)
    assert shown(Column("c", "timestamptz"), [moment], Mask.DATE_TO_YEAR) == [
        datetime(2017, 1, 1, tzinfo=UTC)
    ]
    assert shown(TEXT, ["2017-08-17"], Mask.DATE_TO_YEAR) == [None]
