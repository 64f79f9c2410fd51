"""Finds keys that may occur twice among any number of rows: hashes in memory up to a limit, then sorted apart on disk."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["KeyHashes"]

_IN_MEMORY = 4_000_000
_FILES = 64
_PAIR = np.dtype([("hash", np.uint64), ("position", np.int64)])


class KeyHashes:
    """64-bit hashes by position from 0. Files that it needs lie in `folder`, which somebody else removes.

    `in_memory` rows take 16 bytes each; beyond, a file holds those whose hash begins alike, so that one at a time is looked at
    (external distribution, Knuth, The Art of Computer Programming 3, 5.4.7).
    """

    def __init__(self, folder: Path, in_memory: int = _IN_MEMORY, written_at_once: int = 1_000_000) -> None:
        self._folder, self._limit, self._at_once = folder, in_memory, written_at_once
        self._waiting: list[npt.NDArray[np.uint64]] = []
        self._waiting_rows = self._written_rows = 0

    def add(self, hashes: pl.Series) -> None:
        """Takes the hashes of the next rows."""
        self._waiting.append(hashes.to_numpy())
        self._waiting_rows += hashes.len()
        if self._waiting_rows > self._limit:
            self._write()

    def suspects(self) -> pl.Series:
        """Positions of all rows whose hash occurs more than once, ascending."""
        if not self._written_rows:
            return _repeated(self._waiting) if self._waiting else pl.Series(dtype=pl.Int64)
        self._write()
        found = []
        for file in self._files():
            pairs = np.fromfile(file, dtype=_PAIR)
            file.unlink()
            found.append(pl.Series(pairs["position"]).gather(_repeated([pairs["hash"]])))
        return pl.concat(found).sort()

    def _write(self) -> None:
        """From now on little stays in memory."""
        self._limit = min(self._limit, self._at_once)
        several: list[npt.NDArray[np.uint64]] = []
        for block in self._waiting:
            several.append(block)
            if sum(map(len, several)) >= self._at_once:
                self._write_some(np.concatenate(several))
                several = []
        if several:
            self._write_some(np.concatenate(several))
        self._waiting, self._waiting_rows = [], 0

    def _write_some(self, hashes: npt.NDArray[np.uint64]) -> None:
        pairs = np.empty(len(hashes), dtype=_PAIR)
        pairs["hash"] = hashes
        pairs["position"] = np.arange(self._written_rows, self._written_rows + len(hashes))
        which = (hashes % _FILES).astype(np.uint8)
        pairs = pairs[np.argsort(which, kind="stable")]
        ends = np.cumsum(np.bincount(which, minlength=_FILES))
        for file, end, start in zip(self._files(), ends, [0, *ends[:-1]], strict=True):
            with file.open("ab") as stream:
                pairs[start:end].tofile(stream)
        self._written_rows += len(hashes)

    def _files(self) -> list[Path]:
        return [self._folder / f"hashes-{number:02}" for number in range(_FILES)]


def _repeated(hashes: Sequence[npt.NDArray[np.uint64]]) -> pl.Series:
    # NumPy sorts integers several times faster than Polars counts them.
    ordered = np.concatenate(hashes)
    ordered.sort()
    if not (ordered[1:] == ordered[:-1]).any():
        return pl.Series(dtype=pl.Int64)
    return pl.Series(np.concatenate(hashes)).is_duplicated().arg_true().cast(pl.Int64)
