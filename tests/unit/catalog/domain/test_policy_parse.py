"""Policies from YAML: the real ones, and every way to write one wrongly."""

import pytest
import yaml

from catalog_service.domain.policy import (
    Attribute,
    Condition,
    Effect,
    MaskKind,
    MaskRule,
    Resources,
    parse_policy,
)
from catalog_service.errors import DeclarationInvalidError

from support.catalog_server import TREASURY

GOOD = {
    "kind": "Policy",
    "name": "p",
    "description": {"id": "i", "en": "e"},
    "owner": "steward-pusat",
    "effect": "allow",
    "subjects": {"roles": ["viewer"]},
    "resources": {"tags": ["regional"]},
}


def parse(**changes):
    document = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return parse_policy(yaml.safe_dump(document))[0]


@pytest.mark.parametrize("path", sorted((TREASURY / "policies").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_treasurys_policies_are_read(path):
    policy, _document = parse_policy(path.read_text())
    assert policy.name == path.stem


def test_every_word_of_the_language():
    policy = parse(
        attributes={"office": {"matches": "^[0-9]{2}$"}},
        resources={"zone": "quarantine", "datasets": ["a", "b"]},
        actions=["read", "write"],
        row_filter=[{"column": "c", "in_attribute": "office"}, {"column": "d", "in": ["x"]}],
        masks=[{"column": "c", "kind": "hash"}, {"tag": "t", "kind": "last4"}],
    )
    assert policy.effect is Effect.ALLOW
    assert policy.attributes == (Attribute("office", pattern="^[0-9]{2}$"),)
    assert policy.resources == Resources("quarantine", datasets=frozenset({"a", "b"}))
    assert policy.actions == {"read", "write"}
    assert policy.row_filter == (Condition("c", attribute="office"), Condition("d", values=frozenset({"x"})))
    assert policy.masks == (MaskRule(MaskKind.HASH, column="c"), MaskRule(MaskKind.LAST4, tag="t"))


def test_defaults():
    policy = parse()
    assert (policy.actions, policy.resources.zone, policy.row_filter, policy.masks) == (
        {"read"},
        "lake",
        (),
        (),
    )


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"row_filters": []}, "row_filters"),
        ({"effect": "permit"}, "effect"),
        ({"effect": None}, "effect"),
        ({"owner": None}, "owner"),
        ({"description": None}, "description"),
        ({"subjects": {"roles": []}}, "subjects.roles"),
        ({"subjects": {"roles": ["viewr"]}}, "subjects.roles"),
        ({"subjects": {"role": ["viewer"]}}, "subjects.role"),
        ({"subjects": None}, "subjects"),
        ({"attributes": {}}, "attributes"),
        ({"attributes": {"rank": {"equals": "x"}}}, "attributes.rank"),
        ({"attributes": {"office": {"equals": 32}}}, "attributes.office.equals"),
        ({"attributes": {"office": {"equals": "a", "in": ["b"]}}}, "attributes.office"),
        ({"attributes": {"office": {"matches": "["}}}, "attributes.office.matches"),
        ({"resources": None}, "resources"),
        ({"resources": {}}, "resources.all"),
        ({"resources": {"all": False}}, "resources.all"),
        ({"resources": {"all": True, "tags": ["x"]}}, "resources.tags"),
        ({"resources": {"datasets": []}}, "resources.datasets"),
        ({"resources": {"datasets": ["Not-A-Name"]}}, "resources.datasets"),
        ({"resources": {"zone": "river", "all": True}}, "resources.zone"),
        ({"actions": ["delete"]}, "actions"),
        ({"actions": []}, "actions"),
        ({"row_filter": {"column": "c"}}, "row_filter"),
        ({"row_filter": [{"column": "c"}]}, "row_filter[0].in"),
        ({"row_filter": [{"column": "c", "in": []}]}, "row_filter[0].in"),
        ({"row_filter": [{"column": "c", "in_attribute": "rank"}]}, "row_filter[0].in_attribute"),
        ({"masks": [{"column": "c", "kind": "blur"}]}, "masks[0].kind"),
        ({"masks": [{"kind": "hash"}]}, "masks[0].column"),
        ({"effect": "deny", "masks": [{"column": "c", "kind": "hash"}]}, "masks"),
        ({"effect": "deny", "row_filter": [{"column": "c", "in": ["x"]}]}, "row_filter"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(changes, where):
    with pytest.raises(DeclarationInvalidError) as caught:
        parse(**changes)
    assert caught.value.metadata["where"] == where
