"""Checks expressions of the pipeline language: a subset of SQL that Polars evaluates.

The text is parsed once against an allow-list and once by Polars itself, which is what evaluates it.
"""

from functools import lru_cache

import polars as pl
import sqlglot
from sqlglot import exp

__all__ = ["check_expression"]

MAX_CHARS = 10_000
_ALLOWED: tuple[type[exp.Expression], ...] = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Tuple,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg,
    exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE,
    exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between, exp.Like, exp.RegexpLike, exp.DPipe,
    exp.Case, exp.If, exp.Cast, exp.DataType, exp.DataTypeParam,
    exp.Abs, exp.Coalesce, exp.Nullif, exp.Round, exp.Lower, exp.Upper, exp.Length, exp.Left, exp.Right,
    exp.Substring, exp.Concat, exp.StartsWith,
)  # fmt: skip


@lru_cache(maxsize=1024)
def check_expression(text: str) -> None:
    """Nothing when the text is an expression of the language.

    Raises:
        ValueError: what is not.
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"longer than {MAX_CHARS} characters")
    try:
        trees = sqlglot.parse(text, read="postgres")
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise ValueError(str(error).split("\n", 1)[0][:200]) from error
    tree = trees[0] if len(trees) == 1 else None
    if tree is None:
        raise ValueError("one expression is wanted")
    for node in tree.walk():
        if not isinstance(node, _ALLOWED):
            raise ValueError(f"{node.sql()[:60]!r} is not offered")  # noqa: TRY004 - the text is wrong, not a type
        if isinstance(node, exp.Column) and node.table:
            raise ValueError(f"{node.sql()[:60]!r} names a table; name the column only")
    try:
        pl.sql_expr(text)
    except (pl.exceptions.PolarsError, RuntimeError, ValueError) as error:
        raise ValueError(str(error).split("\n", 1)[0][:200]) from error
