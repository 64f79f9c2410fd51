"""How numbers are written in a column of texts."""

import re
from dataclasses import dataclass, field

import polars as pl

from ingest_service.domain.contract import NumberStyle
from ingest_service.engine.numbers import number_patterns

__all__ = ["Figures", "figures_of", "is_whole"]

# Decimal mark and group mark; the plain ones first.
_STYLES = ((".", ""), (",", "."), (".", ","), (",", ""), (".", " "), (",", " "), (".", "'"))
# A column is one of numbers when at least so many of its values are.
_MOST = 0.95
_OTHERS = 3
_SUFFIX = "%"


@dataclass(frozen=True, slots=True)
class Figures:
    """Digits in all and behind the decimal mark, the style where it is not the plain one, and values that are no numbers."""

    digits: int
    scale: int
    style: dict[str, str] = field(default_factory=dict)
    doubt: tuple[str, str] | None = None
    others: tuple[str, ...] = ()


def is_whole(texts: pl.Series) -> bool:
    """Whether every text is digits alone."""
    return bool(texts.str.contains(r"^[0-9]+$").all())


def figures_of(texts: pl.Series) -> Figures | None:
    """The style in which most of the texts are numbers; None when they are none."""
    suffix = _SUFFIX if texts.str.ends_with(_SUFFIX).mean() == 1.0 else ""
    bare = texts.str.strip_suffix(suffix).str.strip_chars() if suffix else texts
    fitting = {style: bare.str.contains(_pattern(*style)) for style in _STYLES}
    most = max(int(fits.sum()) for fits in fitting.values())
    if most < _MOST * len(bare):
        return None
    used = {group for _decimal, group in _STYLES if group and bare.str.contains(group, literal=True).any()}
    possible = [
        style
        for style, fits in fitting.items()
        if int(fits.sum()) == most and (not style[1] or style[1] in used)
    ]
    chosen, doubt = _choose(bare, possible)
    numbers = bare.filter(fitting[chosen])
    others = tuple(texts.filter(~fitting[chosen]).unique(maintain_order=True).head(_OTHERS))
    decimal, group = chosen
    keys = {"decimal": decimal, "group": group, "suffix": suffix}
    plain = NumberStyle().model_dump()
    style = {key: text for key, text in keys.items() if text != plain[key]}
    whole, fraction = _digits(numbers, decimal)
    if fraction == 0:
        style.pop("decimal", None)
        if group == ".":
            style["decimal"] = ","
    return Figures(whole + fraction, fraction, style, doubt, others)


def _pattern(decimal: str, group: str) -> str:
    return number_patterns(NumberStyle.model_validate({"decimal": decimal, "group": group}), 0)[0]


def _choose(
    texts: pl.Series, possible: list[tuple[str, str]]
) -> tuple[tuple[str, str], tuple[str, str] | None]:
    """The style; where a point may be either mark, that of the language, with a doubt."""
    marked = texts.filter(texts.str.contains(r"[.,' ]"))
    if marked.is_empty() or len(possible) == 1:
        return possible[0], None
    grouped = [style for style in possible if style[1]]
    if ((".", "") in possible and (",", ".") in possible) or (
        (",", "") in possible and (".", ",") in possible
    ):
        # 1.234 alone: thousands, unless a point would divide too few digits to be amounts.
        example = marked[0]
        chosen = grouped[0]
        return chosen, (
            f"{example} could be thousands or a fraction; it is read as {re.sub('[^0-9-]', '', example)}.",
            f"{example} dapat berarti ribuan atau pecahan; dibaca sebagai {re.sub('[^0-9-]', '', example)}.",
        )
    return possible[0], None


def _digits(numbers: pl.Series, decimal: str) -> tuple[int, int]:
    """The most digits before the decimal mark, and behind it without zeros at the end."""
    mark = re.escape(decimal)
    whole = numbers.str.replace(f"{mark}[0-9]+$", "").str.replace_all("[^0-9]", "").str.len_chars().max()
    behind = numbers.str.extract(f"{mark}([0-9]+)$", 1).str.strip_chars_end("0").str.len_chars().max()
    return int(str(whole or 1)), int(str(behind or 0))
