"""What a publication changes in a dataset."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ChangeKind", "Comparison", "RowChange", "TotalChange"]


class ChangeKind(StrEnum):
    """What became of a row."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class TotalChange:
    """A control total before and after, exact decimals as text; None where there is none."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row: its key as text, and the values (before, after) by column that differ."""

    kind: ChangeKind
    key: Mapping[str, str]
    values: Mapping[str, tuple[str | None, str | None]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts of rows, control totals, and some rows one by one. `withheld`: the policy keeps something back."""

    dataset: str
    previous: int | None
    added: int
    removed: int
    changed: int
    same: int
    totals: tuple[TotalChange, ...]
    rows: tuple[RowChange, ...]
    truncated: bool
    withheld: bool
