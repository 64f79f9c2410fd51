"""Which rows of the file wait in the parts: numbers of millions of rows, in a bit each at most."""

import numpy as np
import polars as pl

__all__ = ["RowNumbers"]


class RowNumbers:
    """Numbers in ascending order, by position from 0; blocks without a gap need nothing but their beginning."""

    def __init__(self) -> None:
        self._begins: list[int] = []  # position of each block's first row
        self._first: list[int] = []  # and its number
        self._held: list[pl.Series | None] = []  # true at each number from the first on that is there
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, numbers: pl.Series) -> None:
        """Takes the numbers of the next rows, ascending."""
        if numbers.len() == 0:
            return
        first, span = int(numbers[0]), int(numbers[-1]) - int(numbers[0]) + 1
        held = None
        if span != numbers.len():
            held = pl.repeat(value=False, n=span, eager=True, dtype=pl.Boolean)
            held = held.scatter(numbers - first, values=True)
        self._begins.append(self._rows)
        self._first.append(first)
        self._held.append(held)
        self._rows += numbers.len()

    def gather(self, positions: pl.Series) -> pl.Series:
        """Numbers of the rows at these positions."""
        where = positions.to_numpy()
        blocks = np.searchsorted(np.asarray(self._begins, dtype=np.int64), where, side="right") - 1
        numbers = np.empty(len(where), dtype=np.int64)
        for block in np.unique(blocks):
            here = blocks == block
            inside, held = where[here] - self._begins[block], self._held[block]
            if held is not None:
                inside = held.arg_true().to_numpy()[inside]
            numbers[here] = inside + self._first[block]
        return pl.Series(numbers)
