"""Decisions between the wire and the lake's own words."""

from dataclasses import dataclass

from lake import Condition, Mask, ReadDecision, RowFilter
from lumbung.catalog.v1 import policy_service_pb2

__all__ = ["Decision", "decision_from_proto"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is allowed on one resource: `read` goes to the lake's reader, `ask` says who can give access."""

    resource: str
    read: ReadDecision
    ask: str

    @property
    def allowed(self) -> bool:
        """Whether the action is allowed."""
        return self.read.allowed


_KINDS = frozenset(kind.value for kind in Mask)


def _table(resource: str) -> str:
    kind, _, dataset = resource.partition("/")
    return f"quarantine.{dataset}" if kind == "quarantines" else dataset


def decision_from_proto(message: policy_service_pb2.AccessDecision) -> Decision:
    """Reads a decision. A mask of an unknown kind hides the column altogether."""
    masks: dict[str, Mask] = {}
    hidden = set(message.denied_columns)
    for mask in message.masks:
        if mask.kind in _KINDS:
            masks[mask.column] = Mask(mask.kind)
        else:
            hidden.add(mask.column)
    conditions = tuple(
        Condition(condition.column, frozenset(condition.values)) for condition in message.row_filter
    )
    return Decision(
        resource=message.resource,
        read=ReadDecision(
            dataset=_table(message.resource),
            allowed=message.allowed,
            row_filter=RowFilter(conditions) if conditions else None,
            masks=masks,
            denied_columns=frozenset(hidden),
            reasons=tuple(message.reasons),
            policy_version=message.policy_version,
        ),
        ask=message.ask,
    )
