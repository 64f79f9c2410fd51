"""The policy language and the one decision that every door asks for."""

from catalog_service.domain.policy.decision import Decision, RowCondition
from catalog_service.domain.policy.model import (
    Attribute,
    Condition,
    Effect,
    MaskKind,
    MaskRule,
    Policy,
    Requester,
    Resources,
    Table,
)
from catalog_service.domain.policy.parse import parse_policy
from catalog_service.domain.policy.policyset import PolicySet

__all__ = [
    "Attribute",
    "Condition",
    "Decision",
    "Effect",
    "MaskKind",
    "MaskRule",
    "Policy",
    "PolicySet",
    "Requester",
    "Resources",
    "RowCondition",
    "Table",
    "parse_policy",
]
