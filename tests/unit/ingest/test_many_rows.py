"""What is remembered of each row while a file is checked: numbers and hashes, in memory that does not grow with the file."""

import random

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_service.engine.keyhashes import KeyHashes
from ingest_service.engine.rownumbers import RowNumbers


@given(st.lists(st.sets(st.integers(0, 40)), max_size=6), st.randoms())
def test_row_numbers(blocks: list[set[int]], dice: random.Random) -> None:
    kept = RowNumbers()
    numbers: list[int] = []
    for block, inside in enumerate(blocks):
        added = [block * 50 + number + 1 for number in sorted(inside)]
        kept.add(pl.Series(added, dtype=pl.Int64))
        numbers += added
    assert len(kept) == len(numbers)
    if numbers:
        positions = [dice.randrange(len(numbers)) for _ in range(20)]
        assert kept.gather(pl.Series(positions)).to_list() == [numbers[at] for at in positions]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 30), max_size=12), max_size=12))
def test_hashes_in_memory_and_on_disk_are_the_same(tmp_path_factory, blocks: list[list[int]]) -> None:
    folder = tmp_path_factory.mktemp("hashes")
    hashes = [number for block in blocks for number in block]
    wanted = [at for at, number in enumerate(hashes) if hashes.count(number) > 1]
    for limit in (1000, 7, 0):
        kept = KeyHashes(folder, in_memory=limit, written_at_once=3)
        for block in blocks:
            kept.add(pl.Series(block, dtype=pl.UInt64))
        assert kept.suspects().to_list() == wanted
        assert not list(folder.iterdir())
