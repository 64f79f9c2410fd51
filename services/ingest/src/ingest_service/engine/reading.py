"""Blocks of a file with the plan to check each: numbers as the reader makes them where that is safe, else as text."""

from collections.abc import Iterator

import polars as pl

from ingest_service.domain.contract import Contract
from ingest_service.engine.plan import ROW, Plan, compile_typed_plan
from ingest_service.engine.readers import NotOfTypeError, Source

__all__ = ["Reading"]

# Blocks with a finding cost a second reading: this many, and this share of all, before it no longer pays.
_SPARE, _SHARE = 2, 4


class Reading:
    """One pass over a file. Whatever the types, a row without a finding has the same values."""

    def __init__(self, source: Source, contract: Contract, plan: Plan) -> None:
        self._source, self._contract, self._plan = source, contract, plan
        self._last = self._blocks = self._again = 0
        self._text: Iterator[pl.DataFrame] | None = None

    def blocks(self) -> Iterator[tuple[pl.DataFrame, Plan]]:
        """Blocks and their plans. One whose plan is not the file's, and that has a finding, is only good for `as_text`."""
        types = self._source.readable_types(self._contract)
        while types and self._again <= _SPARE + self._blocks // _SHARE:
            plan = compile_typed_plan(self._contract, self._source.schema, types)
            try:
                for block in self._rest(self._source.blocks(types)):
                    yield block, plan
                    if self._again > _SPARE + self._blocks // _SHARE:
                        break
                else:
                    return
            except NotOfTypeError as error:
                del types[error.column]
        for block in self._rest(self._text or self._source.blocks()):
            yield block, self._plan

    def as_text(self, block: pl.DataFrame) -> pl.DataFrame:
        """The same rows, all columns as they stand in the file."""
        self._again += 1
        if self._text is None:
            self._text = self._source.blocks()
        # Blocks are cut by bytes: they are the same whatever the types.
        return next(text for text in self._text if text.height and text[ROW][-1] == block[ROW][-1])

    def _rest(self, blocks: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """What has not been given yet."""
        for block in blocks:
            if block.height and block[ROW][-1] > self._last:
                self._last = block[ROW][-1]
                self._blocks += 1
                yield block
