"""Reads policies from YAML. An unknown key is an error, so that a misspelt condition never passes silently."""

import re
from typing import Any

from catalog_service.domain.document import parse_document
from catalog_service.domain.fields import Fields
from catalog_service.domain.names import LAKE, QUARANTINE, is_id
from catalog_service.domain.policy.model import (
    ATTRIBUTES,
    READ,
    ROLES,
    WRITE,
    Attribute,
    Condition,
    Effect,
    MaskKind,
    MaskRule,
    Policy,
    Resources,
)

__all__ = ["parse_policy"]

KIND = "Policy"
MAX_PATTERN = 200
_KEYS = "kind name description owner effect subjects attributes resources actions row_filter masks".split()  # noqa: SIM905


def parse_policy(text: str) -> tuple[Policy, dict[str, Any]]:
    """The policy of a declaration, and the document that it was read from.

    Raises:
        DeclarationInvalidError: names the path that is wrong.
    """
    document = parse_document(text, KIND)
    head = Fields(document)
    head.only(*_KEYS)
    head.localized("description")
    head.text("owner")
    effect = Effect(head.choice("effect", list(Effect)))
    row_filter = tuple(_condition(fields) for fields in head.mappings("row_filter"))
    masks = tuple(_mask(fields) for fields in head.mappings("masks"))
    if effect is Effect.DENY and (row_filter or masks):
        key = "row_filter" if row_filter else "masks"
        raise head.refuse(
            key,
            "a deny takes the whole dataset; filters and masks belong to an allow.",
            "penolakan berlaku untuk seluruh dataset; penyaring dan penyamaran hanya pada allow.",
        )
    policy = Policy(
        name=head.text("name"),
        effect=effect,
        roles=_roles(head.mapping("subjects")),
        resources=_resources(head.mapping("resources")),
        actions=_actions(head),
        attributes=_attributes(head),
        row_filter=row_filter,
        masks=masks,
    )
    return policy, document


def _roles(subjects: Fields) -> frozenset[str]:
    subjects.only("roles")
    roles = subjects.texts("roles", required=True)
    for role in roles:
        if role not in ROLES:
            raise subjects.refuse("roles", f"there is no role {role!r}.", f"tidak ada peran {role!r}.")
    return frozenset(roles)


def _actions(head: Fields) -> frozenset[str]:
    if "actions" not in head:
        return frozenset({READ})
    actions = head.texts("actions", required=True)
    for action in actions:
        if action not in {READ, WRITE}:
            raise head.refuse(
                "actions", f"{action!r} is not read or write.", f"{action!r} bukan read atau write."
            )
    return frozenset(actions)


def _attributes(head: Fields) -> tuple[Attribute, ...]:
    if "attributes" not in head:
        return ()
    attributes = head.mapping("attributes")
    attributes.only(*ATTRIBUTES)
    found = [_attribute(attributes, name) for name in ATTRIBUTES if name in attributes]
    if not found:
        raise head.refuse("attributes", "no condition is given.", "tidak ada syarat.")
    return tuple(found)


def _attribute(attributes: Fields, name: str) -> Attribute:
    test = attributes.mapping(name)
    test.only("equals", "in", "matches")
    given = [key for key in ("equals", "in", "matches") if key in test]
    if len(given) != 1:
        raise attributes.refuse(
            name,
            "exactly one of equals, in, matches is needed.",
            "perlu tepat satu dari equals, in, matches.",
        )
    if given == ["equals"]:
        return Attribute(name, values=frozenset({test.text("equals")}))
    if given == ["in"]:
        return Attribute(name, values=frozenset(test.texts("in", required=True)))
    pattern = test.text("matches")
    try:
        re.compile(pattern)
    except re.error as error:
        raise test.refuse(
            "matches", f"no regular expression: {error}.", f"bukan ekspresi reguler: {error}."
        ) from error
    if len(pattern) > MAX_PATTERN:
        raise test.refuse("matches", f"over {MAX_PATTERN} characters.", f"lebih dari {MAX_PATTERN} huruf.")
    return Attribute(name, pattern=pattern)


def _resources(fields: Fields) -> Resources:
    fields.only("zone", "all", "datasets", "tags")
    given = [key for key in ("all", "datasets", "tags") if key in fields]
    if len(given) != 1:
        raise fields.refuse(
            given[1] if given else "all",
            "exactly one of all, datasets, tags is needed.",
            "perlu tepat satu dari all, datasets, tags.",
        )
    every = fields.flag("all")
    if given == ["all"] and not every:
        raise fields.refuse("all", "only true means something.", "hanya true yang bermakna.")
    datasets = fields.texts("datasets", required=given == ["datasets"])
    for dataset in datasets:
        if not is_id(dataset):
            raise fields.refuse(
                "datasets", f"{dataset!r} is no dataset name.", f"{dataset!r} bukan nama dataset."
            )
    return Resources(
        zone=fields.choice("zone", (LAKE, QUARANTINE), LAKE),
        every=every,
        datasets=frozenset(datasets),
        tags=frozenset(fields.texts("tags", required=given == ["tags"])),
    )


def _condition(fields: Fields) -> Condition:
    fields.only("column", "in_attribute", "in")
    if ("in_attribute" in fields) == ("in" in fields):
        raise fields.refuse(
            "in", "exactly one of in_attribute, in is needed.", "perlu tepat satu dari in_attribute, in."
        )
    column = fields.text("column")
    if "in" in fields:
        return Condition(column, values=frozenset(fields.texts("in", required=True)))
    return Condition(column, attribute=fields.choice("in_attribute", ATTRIBUTES))


def _mask(fields: Fields) -> MaskRule:
    fields.only("column", "tag", "kind")
    if ("column" in fields) == ("tag" in fields):
        raise fields.refuse(
            "column", "exactly one of column, tag is needed.", "perlu tepat satu dari column, tag."
        )
    return MaskRule(
        MaskKind(fields.choice("kind", list(MaskKind))),
        column=fields.text("column", "-") if "column" in fields else "",
        tag=fields.text("tag", "-") if "tag" in fields else "",
    )
