"""The outcome of a decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from catalog_service.domain.policy.model import MaskKind

__all__ = ["Decision", "RowCondition"]


@dataclass(frozen=True, slots=True)
class RowCondition:
    """The column's text is one of `values`, sorted. No value: no row."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """May the requester do this, and what of the table do they see.

    Every condition of `row_filter` has to hold; none of them means all rows. `reasons` name the policies.
    """

    allowed: bool
    row_filter: tuple[RowCondition, ...] = ()
    masks: Mapping[str, MaskKind] = field(default_factory=dict)
    denied_columns: frozenset[str] = frozenset()
    reasons: tuple[str, ...] = ()
    policy_version: str = ""
