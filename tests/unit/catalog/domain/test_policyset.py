"""The decision, rule by rule as POLICIES.md has them."""

import pytest

from catalog_service.domain.policy import (
    Attribute,
    Condition,
    Effect,
    MaskKind,
    MaskRule,
    Policy,
    PolicySet,
    Requester,
    Resources,
    RowCondition,
    Table,
)

COLUMNS = {
    "province_code": frozenset[str](),
    "name": frozenset({"personal"}),
    "phone": frozenset({"personal"}),
    "budget": frozenset[str](),
}
TABLE = Table("lake", "panel", frozenset({"regional", "apbd"}), COLUMNS)
VIEWER = Requester(frozenset({"viewer"}), "32")


def allow(name, **changes):
    values = {
        "name": name,
        "effect": Effect.ALLOW,
        "roles": frozenset({"viewer"}),
        "resources": Resources(every=True),
    }
    return Policy(**(values | changes))


def deny(name, **changes):
    return allow(name, effect=Effect.DENY, **changes)


def rows(column="province_code", *values, attribute=""):
    return (Condition(column, attribute=attribute, values=frozenset(values)),)


def decide(*policies, requester=VIEWER, table=TABLE, action="read"):
    return PolicySet(policies).decide(requester, table, action)


def test_nothing_is_allowed_that_no_policy_allows():
    assert not decide().allowed


def test_a_deny_wins():
    decision = decide(allow("a"), deny("d"))
    assert not decision.allowed
    assert decision.reasons == ("d denies read",)


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"roles": frozenset({"steward"})}, False),
        ({"roles": frozenset({"steward", "viewer"})}, True),
        ({"actions": frozenset({"write"})}, False),
        ({"resources": Resources(tags=frozenset({"apbd", "x"}))}, True),
        ({"resources": Resources(tags=frozenset({"x"}))}, False),
        ({"resources": Resources(datasets=frozenset({"panel"}))}, True),
        ({"resources": Resources(datasets=frozenset({"other"}))}, False),
        ({"resources": Resources(zone="quarantine", every=True)}, False),
        ({"attributes": (Attribute("office", pattern="[0-9]{2}"),)}, True),
        ({"attributes": (Attribute("office", pattern="[0-9]"),)}, False),
        ({"attributes": (Attribute("office", values=frozenset({"31", "32"})),)}, True),
        ({"attributes": (Attribute("office", values=frozenset({"pusat"})),)}, False),
    ],
)
def test_matching(changes, allowed):
    assert decide(allow("a", **changes)).allowed is allowed


def test_no_condition_holds_for_a_missing_attribute():
    nowhere = Requester(frozenset({"viewer"}))
    for attribute in (Attribute("office", pattern=".*"), Attribute("office", values=frozenset({""}))):
        assert not decide(allow("a", attributes=(attribute,)), requester=nowhere).allowed
    filtered = decide(allow("a", row_filter=rows(attribute="office")), requester=nowhere)
    assert filtered.row_filter == (RowCondition("province_code", ()),)


def test_one_policy_without_filter_shows_all_rows():
    assert decide(allow("a", row_filter=rows("province_code", "11")), allow("b")).row_filter == ()


def test_filters_on_one_column_are_put_together():
    decision = decide(
        allow("a", row_filter=rows("province_code", "11", "12")),
        allow("b", row_filter=rows(attribute="office")),
    )
    assert decision.row_filter == (RowCondition("province_code", ("11", "12", "32")),)


@pytest.mark.parametrize(
    "second",
    [
        rows("name", "x"),
        (*rows("province_code", "12"), *rows("name", "x")),
        (*rows("province_code", "12"), *rows("province_code", "13")),
    ],
    ids=["another column", "two conditions", "two on the same column"],
)
def test_where_filters_differ_the_first_by_name_counts(second):
    decision = decide(allow("b", row_filter=second), allow("a", row_filter=rows("province_code", "11")))
    assert decision.row_filter == (RowCondition("province_code", ("11",)),)
    assert "row filters differ, only that of a counts" in decision.reasons


def test_conditions_of_one_filter_all_hold():
    decision = decide(allow("a", row_filter=(*rows("province_code", "11"), *rows("name", "x"))))
    assert decision.row_filter == (RowCondition("province_code", ("11",)), RowCondition("name", ("x",)))


def test_a_filter_over_a_missing_column_passes_no_row():
    assert decide(allow("a", row_filter=rows("gone", "11"))).row_filter == (RowCondition("gone", ()),)


def test_a_filter_never_allows_a_write():
    both = frozenset({"read", "write"})
    assert not decide(
        allow("a", actions=both, row_filter=rows("province_code", "11")), action="write"
    ).allowed
    written = decide(
        allow("a", actions=both, masks=(MaskRule(MaskKind.HASH, column="name"),)), action="write"
    )
    assert written.allowed
    assert not written.masks


def test_masks_by_column_and_tag_and_never_a_missing_column():
    decision = decide(
        allow(
            "a",
            masks=(
                MaskRule(MaskKind.LAST4, tag="personal"),
                MaskRule(MaskKind.REDACT, column="phone"),
                MaskRule(MaskKind.NULLIFY, column="gone"),
            ),
        )
    )
    assert decision.masks == {"name": MaskKind.LAST4, "phone": MaskKind.REDACT}


def test_an_open_view_of_all_rows_takes_the_mask_off():
    masked = (MaskRule(MaskKind.HASH, column="name"),)
    assert decide(allow("a", masks=masked), allow("b")).masks == {}
    assert decide(allow("a", masks=masked, row_filter=rows("province_code", "11")), allow("b")).masks == {}


def test_an_open_view_of_some_rows_does_not():
    masked = (MaskRule(MaskKind.HASH, column="name"),)
    some = rows("province_code", "11")
    assert decide(allow("a", masks=masked), allow("b", row_filter=some)).masks == {"name": MaskKind.HASH}
    assert decide(allow("a", masks=masked, row_filter=some), allow("b", row_filter=some)).masks == {
        "name": MaskKind.HASH
    }


@pytest.mark.parametrize("strict", list(MaskKind)[:-1])
def test_the_stricter_of_two_masks_counts(strict):
    order = list(MaskKind)
    mild = order[order.index(strict) + 1]
    for first, second in ((strict, mild), (mild, strict)):
        policies = [
            allow("a", masks=(MaskRule(first, column="name"),)),
            allow("b", masks=(MaskRule(second, column="name"),)),
        ]
        assert decide(*policies).masks == {"name": strict}


def test_to_know_takes_a_read_or_a_write():
    writer = allow("w", actions=frozenset({"write"}))
    assert PolicySet([writer]).may_know(VIEWER, TABLE)
    assert not PolicySet([writer, deny("d", actions=frozenset({"write"}))]).may_know(VIEWER, TABLE)
    assert not PolicySet([allow("q", resources=Resources(zone="quarantine", every=True))]).may_know(
        VIEWER, TABLE
    )


def test_the_version_follows_the_content_and_not_the_order():
    first, second = allow("a"), allow("b")
    assert PolicySet([first, second]).version == PolicySet([second, first]).version
    assert PolicySet([first]).version != PolicySet([first, second]).version
    assert PolicySet([first]).version != PolicySet([allow("a", roles=frozenset({"steward"}))]).version
