"""Decides: a matching deny wins, then a matching allow is needed, then filters and masks are put together."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from catalog_service.domain.policy.decision import Decision, RowCondition
from catalog_service.domain.policy.model import (
    READ,
    WRITE,
    Condition,
    Effect,
    MaskKind,
    Policy,
    Requester,
    Table,
)

__all__ = ["PolicySet", "set_version"]


def set_version(digests: Mapping[str, bytes]) -> str:
    """The version of a set of policies: the first 16 hex digits of a hash over their names and contents."""
    whole = hashlib.sha256()
    for name in sorted(digests):
        whole.update(name.encode() + b"\x00" + digests[name])
    return whole.hexdigest()[:16]


class PolicySet:
    """All policies at one moment. Immutable, so that a decision never mixes two versions."""

    def __init__(self, policies: Iterable[Policy] = (), version: str = "") -> None:
        self._policies = tuple(sorted(policies, key=lambda policy: policy.name))
        self.version = version or set_version(
            {policy.name: repr(policy).encode() for policy in self._policies}
        )

    def decide(self, requester: Requester, table: Table, action: str) -> Decision:
        """The decision on one table; `action` is "read" or "write". Nothing is allowed that no policy allows."""
        matching = [policy for policy in self._policies if policy.matches(requester, table, action)]
        denies = [policy.name for policy in matching if policy.effect is Effect.DENY]
        if denies:
            return self._denied(tuple(f"{name} denies {action}" for name in denies))
        # A filter cannot be applied to what is written, so such a policy never allows a write.
        allows = [policy for policy in matching if action == READ or not policy.row_filter]
        if not allows:
            return self._denied((f"no policy allows {action}",))
        reasons = [f"{policy.name} allows {action}" for policy in allows]
        if action == WRITE:
            return Decision(allowed=True, reasons=tuple(reasons), policy_version=self.version)
        conditions = _rows(allows, requester, table, reasons)
        masks = _masks(allows, table)
        reasons += [f"column {column} is masked: {kind}" for column, kind in masks.items()]
        return Decision(
            allowed=True,
            row_filter=conditions,
            masks=masks,
            reasons=tuple(reasons),
            policy_version=self.version,
        )

    def may_know(self, requester: Requester, table: Table) -> bool:
        """Whether the requester may know that the dataset exists: a matching read or write."""
        return any(self.decide(requester, table, action).allowed for action in (READ, WRITE))

    def _denied(self, reasons: tuple[str, ...]) -> Decision:
        return Decision(allowed=False, reasons=reasons, policy_version=self.version)


def _rows(
    allows: Sequence[Policy], requester: Requester, table: Table, reasons: list[str]
) -> tuple[RowCondition, ...]:
    """The conditions on rows; the policies are in order of name."""
    if any(not policy.row_filter for policy in allows):
        return ()
    filters = [
        (policy.name, tuple(_resolve(condition, requester, table) for condition in policy.row_filter))
        for policy in allows
    ]
    columns = {condition.column for _name, conditions in filters for condition in conditions}
    if len(columns) == 1 and all(len(conditions) == 1 for _name, conditions in filters):
        values = {value for _name, (condition,) in filters for value in condition.values}
        chosen: tuple[RowCondition, ...] = (RowCondition(columns.pop(), tuple(sorted(values))),)
    else:
        first, chosen = filters[0]
        if len(filters) > 1:
            reasons.append(f"row filters differ, only that of {first} counts")
    for condition in chosen:
        shown = ", ".join(condition.values) or "none"
        reasons.append(f"rows where {condition.column} is one of: {shown}")
    return chosen


def _resolve(condition: Condition, requester: Requester, table: Table) -> RowCondition:
    """The condition with the requester's own values; over a column that the table lacks it passes no row."""
    if condition.column not in table.columns:
        return RowCondition(condition.column, ())
    if condition.attribute:
        value = requester.attribute(condition.attribute)
        return RowCondition(condition.column, (value,) if value else ())
    return RowCondition(condition.column, tuple(sorted(condition.values)))


def _masks(allows: Sequence[Policy], table: Table) -> dict[str, MaskKind]:
    """The strictest mask of each column that no policy without a row filter leaves open."""
    masks: dict[str, MaskKind] = {}
    left_open: set[str] = set()
    for policy in allows:
        masked = _masks_of(policy, table)
        for column, kind in masked.items():
            known = masks.get(column)
            masks[column] = kind if known is None or kind.mildness < known.mildness else known
        if not policy.row_filter:
            left_open |= table.columns.keys() - masked.keys()
    return {column: masks[column] for column in sorted(masks) if column not in left_open}


def _masks_of(policy: Policy, table: Table) -> dict[str, MaskKind]:
    masked: dict[str, MaskKind] = {}
    for rule in policy.masks:
        for column in rule.columns(table):
            known = masked.get(column)
            if known is None or rule.kind.mildness < known.mildness:
                masked[column] = rule.kind
    return masked
