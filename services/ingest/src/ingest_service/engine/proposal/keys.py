"""Which columns may be the key of a table."""

from collections.abc import Sequence
from itertools import combinations

import polars as pl

__all__ = ["key_candidates"]

_MOST_COLUMNS = 3
_TRIED = 12


def key_candidates(frame: pl.DataFrame, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """The smallest sets of `columns`, in their order, whose values never repeat; all of the smallest size there is.

    `frame` has the sample's rows; none of the columns may have an empty value.
    """
    if frame.height < 2:  # noqa: PLR2004 - a single row repeats nothing
        return []
    for size in range(1, _MOST_COLUMNS + 1):
        found = [names for names in combinations(columns[:_TRIED], size) if _is_unique(frame, names)]
        if found:
            return found
    return []


def _is_unique(frame: pl.DataFrame, names: tuple[str, ...]) -> bool:
    possible = 1
    for name in names:
        possible *= frame[name].n_unique()
    return possible >= frame.height and not frame.select(names).is_duplicated().any()
