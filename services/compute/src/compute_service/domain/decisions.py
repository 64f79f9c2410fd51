"""Decisions as plain words: they go to a query's process, to tasks, and are kept with a run."""

from collections.abc import Mapping
from typing import Any

from lake import Condition, Mask, ReadDecision, RowFilter

__all__ = ["decision_from_words", "decision_words", "is_unfiltered"]


def decision_words(decision: ReadDecision) -> dict[str, Any]:
    """A decision as plain words."""
    conditions = None
    if decision.row_filter is not None:
        conditions = [
            [condition.column, sorted(condition.values, key=str)]
            for condition in decision.row_filter.conditions
        ]
    return {
        "dataset": decision.dataset,
        "allowed": decision.allowed,
        "row_filter": conditions,
        "masks": {column: mask.value for column, mask in decision.masks.items()},
        "denied_columns": sorted(decision.denied_columns),
        "reasons": list(decision.reasons),
        "policy_version": decision.policy_version,
    }


def decision_from_words(document: Mapping[str, Any]) -> ReadDecision:
    """The decision again."""
    conditions = document["row_filter"]
    return ReadDecision(
        dataset=document["dataset"],
        allowed=document["allowed"],
        row_filter=None
        if conditions is None
        else RowFilter(tuple(Condition(column, frozenset(values)) for column, values in conditions)),
        masks={column: Mask(kind) for column, kind in document["masks"].items()},
        denied_columns=frozenset(document["denied_columns"]),
        reasons=tuple(document["reasons"]),
        policy_version=document["policy_version"],
    )


def is_unfiltered(decision: ReadDecision) -> bool:
    """Whether the decision shows every row and column as it is."""
    filtered = decision.row_filter is not None and bool(decision.row_filter.conditions)
    return decision.allowed and not (filtered or decision.masks or decision.denied_columns)
