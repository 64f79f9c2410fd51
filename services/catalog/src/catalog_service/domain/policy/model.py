"""The words of the policy language, version 1."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from catalog_service.domain.names import LAKE

__all__ = [
    "ATTRIBUTES",
    "READ",
    "ROLES",
    "WRITE",
    "Attribute",
    "Condition",
    "Effect",
    "MaskKind",
    "MaskRule",
    "Policy",
    "Requester",
    "Resources",
    "Table",
]

READ, WRITE = "read", "write"
ATTRIBUTES = ("office",)
# A role that does not exist would make a deny that never bites: only the realm's roles are taken.
ROLES = (
    "viewer contributor certifier steward engineer scientist leader auditor admin service".split()  # noqa: SIM905
)


class Effect(StrEnum):
    """What a policy does."""

    ALLOW = "allow"
    DENY = "deny"


class MaskKind(StrEnum):
    """How a column is masked, from strict to mild."""

    NULLIFY = "nullify"
    REDACT = "redact"
    HASH = "hash"
    LAST4 = "last4"
    DATE_TO_YEAR = "date_to_year"

    @property
    def mildness(self) -> int:
        """0 for the strictest."""
        return tuple(MaskKind).index(self)


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks. `office` is empty where the token has none: then no condition on it holds."""

    roles: frozenset[str]
    office: str = ""

    def attribute(self, name: str) -> str:
        """The value of an attribute, empty where there is none."""
        return self.office if name == "office" else ""


@dataclass(frozen=True, slots=True)
class Table:
    """What is asked for. `columns` maps each column of the table to its tags."""

    zone: str
    dataset: str
    tags: frozenset[str]
    columns: Mapping[str, frozenset[str]] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A condition on an attribute of the requester: one of `values`, or a full match of `pattern`."""

    name: str
    values: frozenset[str] = frozenset()
    pattern: str = ""

    def holds(self, requester: Requester) -> bool:
        """Whether the requester has the attribute and it fits."""
        value = requester.attribute(self.name)
        if not value:
            return False
        if self.pattern:
            return re.fullmatch(self.pattern, value) is not None
        return value in self.values


@dataclass(frozen=True, slots=True)
class Resources:
    """Which tables a policy speaks about: all of a zone, or by dataset, or by tag."""

    zone: str = LAKE
    every: bool = False
    datasets: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()

    def include(self, table: Table) -> bool:
        """Whether a table is among them."""
        if table.zone != self.zone:
            return False
        return self.every or table.dataset in self.datasets or bool(self.tags & table.tags)


@dataclass(frozen=True, slots=True)
class Condition:
    """Rows whose `column` is the requester's `attribute`, or one of `values`."""

    column: str
    attribute: str = ""
    values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class MaskRule:
    """A mask on a column by name, or on every column with a tag."""

    kind: MaskKind
    column: str = ""
    tag: str = ""

    def columns(self, table: Table) -> list[str]:
        """The columns of a table that it masks; none that the table lacks."""
        if self.column:
            return [self.column] if self.column in table.columns else []
        return [name for name, tags in table.columns.items() if self.tag in tags]


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy."""

    name: str
    effect: Effect
    roles: frozenset[str]
    resources: Resources
    actions: frozenset[str] = frozenset({READ})
    attributes: tuple[Attribute, ...] = ()
    row_filter: tuple[Condition, ...] = ()
    masks: tuple[MaskRule, ...] = ()

    def matches(self, requester: Requester, table: Table, action: str) -> bool:
        """Whether the policy speaks about a request."""
        return (
            action in self.actions
            and not self.roles.isdisjoint(requester.roles)
            and self.resources.include(table)
            and all(attribute.holds(requester) for attribute in self.attributes)
        )
