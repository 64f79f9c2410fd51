"""Policies and decisions on the wire."""

from catalog_service.converters.times import time_to_proto
from catalog_service.service.policies import AccessQuestion, ResourceDecision
from catalog_service.storage.ports import Declaration
from lumbung.catalog.v1 import policy_service_pb2 as pb
from servicekit.auth import Principal

__all__ = ["decision_to_proto", "policy_to_proto", "question_from_proto"]


def policy_to_proto(declaration: Declaration) -> pb.Policy:
    """A policy."""
    return pb.Policy(
        name=f"policies/{declaration.name}",
        declaration=declaration.text,
        revision=declaration.revision,
        update_time=time_to_proto(declaration.update_time),
    )


def question_from_proto(request: pb.DecideAccessRequest) -> AccessQuestion:
    """What is asked, and for whom."""
    caller = request.caller
    return AccessQuestion(
        caller=Principal(
            subject=caller.subject,
            username=caller.username,
            roles=frozenset(caller.roles),
            office=caller.office,
            authorized_party=caller.authorized_party,
        ),
        resources=tuple(request.resources),
        action=request.action,
        door=request.door,
        purpose=request.purpose,
        detail=request.detail,
    )


def decision_to_proto(decided: ResourceDecision) -> pb.AccessDecision:
    """The decision on one resource."""
    decision = decided.decision
    return pb.AccessDecision(
        resource=decided.resource,
        allowed=decision.allowed,
        row_filter=[
            pb.RowCondition(column=condition.column, values=condition.values)
            for condition in decision.row_filter
        ],
        masks=[pb.ColumnMask(column=column, kind=kind) for column, kind in decision.masks.items()],
        denied_columns=sorted(decision.denied_columns),
        reasons=decision.reasons,
        policy_version=decision.policy_version,
        ask=decided.ask,
    )
