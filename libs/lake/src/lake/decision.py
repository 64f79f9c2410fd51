"""The outcome of the one decision function, as every door hands it to the reader.

Plain frozen data: no driver, no policy engine. The reader applies it; nobody else opens table files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

FilterValue = str | int


class Mask(StrEnum):
    """How a column is shown instead of its values. Null stays null under every mask.

    REDACT: text becomes "xxxx", other types null. NULLIFY: null. HASH: HMAC-SHA256 as 64 hex digits, keyed per
    platform, so equal values stay equal. LAST4: all but the last four characters become "x" (a value of four or
    fewer becomes all "x"). DATE_TO_YEAR: the first day (or instant) of its year, UTC; other types null.
    """

    REDACT = "redact"
    NULLIFY = "nullify"
    HASH = "hash"
    LAST4 = "last4"
    DATE_TO_YEAR = "date_to_year"


@dataclass(frozen=True)
class Condition:
    """Rows whose `column` holds one of `values` (text or int). No value: no row. Null is never in a list."""

    column: str
    values: frozenset[FilterValue]


@dataclass(frozen=True)
class RowFilter:
    """All conditions must hold; no condition means all rows."""

    conditions: tuple[Condition, ...] = ()

    @staticmethod
    def where(column: str, *values: FilterValue) -> "RowFilter":
        """Rows whose `column` is one of `values`."""
        return RowFilter((Condition(column, frozenset(values)),))

    @staticmethod
    def nothing() -> "RowFilter":
        """No row at all, whatever the columns of the table."""
        return _NOTHING

    @property
    def is_nothing(self) -> bool:
        """Whether no row can ever pass."""
        return any(not condition.values for condition in self.conditions)

    def also(self, column: str, *values: FilterValue) -> "RowFilter":
        """This filter and one more condition."""
        return RowFilter((*self.conditions, Condition(column, frozenset(values))))

    @property
    def columns(self) -> frozenset[str]:
        """Columns that the filter looks at."""
        return frozenset(condition.column for condition in self.conditions if condition.column)


_NOTHING = RowFilter((Condition("", frozenset()),))
_NO_MASKS: Mapping[str, Mask] = MappingProxyType({})


@dataclass(frozen=True)
class ReadDecision:
    """May this reader read this dataset, and what of it.

    `dataset` is `str(TableId)`: the dataset id, or `quarantine.{dataset id}`. `row_filter` None means all rows.
    `denied_columns` are absent from the scan, `masks` change what a column shows. `reasons` are for people and for
    the audit log; `policy_version` names the policies that decided.
    """

    dataset: str
    allowed: bool
    row_filter: RowFilter | None = None
    masks: Mapping[str, Mask] = field(default_factory=lambda: _NO_MASKS)
    denied_columns: frozenset[str] = frozenset()
    reasons: tuple[str, ...] = ()
    policy_version: str = ""


def allow_all(dataset: str, reason: str, *, policy_version: str = "") -> ReadDecision:
    """Everything of one dataset, with the reason written down."""
    return ReadDecision(dataset, allowed=True, reasons=(reason,), policy_version=policy_version)


def deny(dataset: str, *reasons: str, policy_version: str = "") -> ReadDecision:
    """Nothing of one dataset."""
    return ReadDecision(dataset, allowed=False, reasons=reasons, policy_version=policy_version)


def system_decision(dataset: str, *, run_id: str) -> ReadDecision:
    """Full read for the platform's own work (validation, declared pipelines), bound to the run that needs it."""
    if not run_id:
        raise ValueError("a system read names the run that needs it; give run_id")
    return allow_all(dataset, f"system:{run_id}", policy_version="system")
