"""Masks as Polars expressions, put between the files and whatever the reader asks."""

import hmac
from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from lake.decision import Mask
from lake.schema import Column, TableSchema

REDACTED = "xxxx"


def masked_schema(schema: TableSchema, masks: Mapping[str, Mask]) -> TableSchema:
    """The schema that the reader sees: a hash is text whatever was hashed."""
    return TableSchema(tuple(_masked_column(column, masks.get(column.name)) for column in schema.columns))


def mask_column(column: Column, mask: Mask, key: bytes) -> pl.Expr:
    """What the reader sees of a column; null stays null."""
    expression = pl.col(column.name)
    if mask is Mask.REDACT and column.type == "text":
        shown = pl.when(expression.is_not_null()).then(pl.lit(REDACTED)).alias(column.name)
    elif mask is Mask.HASH:
        shown = _hash(expression if column.type == "text" else expression.cast(pl.String), key)
    elif mask is Mask.LAST4 and column.type == "text":
        shown = _last4(expression)
    elif mask is Mask.DATE_TO_YEAR and column.type in {"date", "timestamptz"}:
        shown = expression.dt.truncate("1y")
    else:
        shown = pl.lit(None, dtype=column.polars_type).alias(column.name)
    return shown


def _masked_column(column: Column, mask: Mask | None) -> Column:
    if mask is None:
        return column
    return replace(column, type="text" if mask is Mask.HASH else column.type, required=False)


def _last4(text: pl.Expr) -> pl.Expr:
    length = text.str.len_chars()
    hidden = pl.when(length > 4).then(length - 4).otherwise(length)  # noqa: PLR2004 - the mask's name says it
    shown = pl.when(length > 4).then(text.str.tail(4)).otherwise(pl.lit(""))  # noqa: PLR2004
    # Per character, so that the length stays what it was.
    return (text.str.head(hidden).str.replace_all(r"(?s).", "x") + shown).alias(text.meta.output_name())


def _hash(text: pl.Expr, key: bytes) -> pl.Expr:
    def digest(values: pl.Series) -> pl.Series:
        # Once per distinct value: codes repeat, and the digest is a call out of Polars.
        distinct = values.unique().drop_nulls()
        digests = [hmac.digest(key, value.encode(), "sha256").hex() for value in distinct]
        return values.replace_strict(distinct, pl.Series(digests, dtype=pl.String), default=None)

    return text.map_batches(digest, return_dtype=pl.String, is_elementwise=True)
