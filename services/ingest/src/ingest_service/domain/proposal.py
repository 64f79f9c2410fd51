"""A drafted contract and what its reader has to decide."""

from dataclasses import dataclass

from servicekit.errors import Text

__all__ = ["Doubt", "Proposal"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that the file does not say for certain; `column` is empty where the whole file is meant."""

    column: str
    text: Text


@dataclass(frozen=True, slots=True)
class Proposal:
    """A declaration in YAML, the rows it was drafted from, and how many of them it refuses."""

    declaration: str
    doubts: tuple[Doubt, ...]
    rows_read: int
    rows_bad: int
