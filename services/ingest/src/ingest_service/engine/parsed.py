"""What a parser makes of a column: its value, whether it is wrong, and each way in which it can be wrong."""

from dataclasses import dataclass

import polars as pl

__all__ = ["Flaw", "Parsed"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """One way in which values can be wrong; `broken` is true where they are. Words go into the message."""

    rule: str
    broken: pl.Expr
    en: str
    indonesian: str
    remedy_en: str
    remedy_id: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """`value` is null where the text is wrong.

    `wrong` is a cheap expression over (input, value) that is true wherever a flaw is; it may be null. `rounded` is
    true where the value was rounded. Expressions refer to `pl.col(name)` for the parsed value.
    """

    value: pl.Expr
    wrong: pl.Expr | None
    flaws: tuple[Flaw, ...] = ()
    rounded: pl.Expr | None = None
