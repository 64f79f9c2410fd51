"""Message templates as Polars expressions."""

from string import Formatter

import polars as pl

__all__ = ["NOTHING", "render"]

NOTHING = "-"


def render(template: str, value: pl.Expr) -> pl.Expr:
    """Text per row: `{name}` is a column of the frame, `{value}` the given expression, null a hyphen."""
    parts: list[pl.Expr] = []
    for text, field, _spec, _conversion in Formatter().parse(template):
        if text:
            parts.append(pl.lit(text))
        if field is not None:
            part = value if field == "value" else pl.col(field)
            parts.append(part.cast(pl.String).fill_null(NOTHING))
    return pl.concat_str(parts) if parts else pl.lit("")
