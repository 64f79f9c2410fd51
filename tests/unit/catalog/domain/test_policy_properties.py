"""What holds for any policies."""

from hypothesis import given
from hypothesis import strategies as st

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
    Table,
)

NAMES = ["a", "b", "c"]
ROLES = ["viewer", "steward"]
OFFICES = ["", "32", "pusat"]
ACTIONS = ["read", "write"]


def subsets(values, least=1):
    return st.frozensets(st.sampled_from(values), min_size=least)


resources = st.one_of(
    st.builds(Resources, zone=st.sampled_from(["lake", "quarantine"]), every=st.just(True)),
    st.builds(Resources, datasets=subsets(NAMES)),
    st.builds(Resources, tags=subsets(NAMES)),
)
attributes = st.lists(
    st.one_of(
        st.builds(Attribute, st.just("office"), values=subsets(OFFICES[1:])),
        st.builds(Attribute, st.just("office"), pattern=st.just("[0-9]{2}")),
    ),
    max_size=1,
).map(tuple)
conditions = st.one_of(
    st.builds(Condition, st.sampled_from(NAMES), values=subsets(["1", "2", "32"])),
    st.builds(Condition, st.sampled_from(NAMES), attribute=st.just("office")),
)
masks = st.one_of(
    st.builds(MaskRule, st.sampled_from(MaskKind), column=st.sampled_from(NAMES)),
    st.builds(MaskRule, st.sampled_from(MaskKind), tag=st.sampled_from(NAMES)),
)


def policies(effect, name):
    filters = st.lists(conditions, max_size=2).map(tuple) if effect is Effect.ALLOW else st.just(())
    masking = st.lists(masks, max_size=2).map(tuple) if effect is Effect.ALLOW else st.just(())
    return st.builds(
        Policy,
        name=name,
        effect=st.just(effect),
        roles=subsets(ROLES),
        resources=resources,
        actions=subsets(ACTIONS),
        attributes=attributes,
        row_filter=filters,
        masks=masking,
    )


allows = st.lists(policies(Effect.ALLOW, st.text("xyz", min_size=1, max_size=4)), max_size=5)
denies = policies(Effect.DENY, st.just("deny"))
requesters = st.builds(Requester, subsets(ROLES, 0), st.sampled_from(OFFICES))
tables = st.builds(
    Table,
    st.sampled_from(["lake", "quarantine"]),
    st.sampled_from(NAMES),
    subsets(NAMES, 0),
    st.dictionaries(st.sampled_from(NAMES), subsets(NAMES, 0)),
)
actions = st.sampled_from(ACTIONS)

ROWS = [{"a": a, "b": b, "c": c} for a in ("1", "32") for b in ("2", "pusat") for c in ("1", "32")]


def visible(decision, table):
    """Rows that a decision shows, of a small table that has every value."""
    if not decision.allowed:
        return set()
    return {
        number
        for number, row in enumerate(ROWS)
        if all(c.column in table.columns and row[c.column] in c.values for c in decision.row_filter)
    }


@given(allows, requesters, tables, actions)
def test_an_allowed_request_has_an_allow_that_matches(allowed, requester, table, action):
    decision = PolicySet(allowed).decide(requester, table, action)
    matching = [p for p in allowed if p.matches(requester, table, action)]
    if action == "write":
        matching = [p for p in matching if not p.row_filter]
    assert decision.allowed == bool(matching)


@given(allows, denies, requesters, tables, actions)
def test_a_deny_beats_every_allow_and_never_adds(allowed, denied, requester, table, action):
    before = PolicySet(allowed).decide(requester, table, action)
    after = PolicySet([*allowed, denied]).decide(requester, table, action)
    if denied.matches(requester, table, action):
        assert not after.allowed
    else:
        assert (after.allowed, after.row_filter, after.masks) == (
            before.allowed,
            before.row_filter,
            before.masks,
        )


@given(allows, requesters, tables, st.randoms())
def test_the_order_of_policies_does_not_matter(allowed, requester, table, random):
    allowed = list({policy.name: policy for policy in allowed}.values())
    shuffled = list(allowed)
    random.shuffle(shuffled)
    assert PolicySet(allowed).decide(requester, table, "read") == PolicySet(shuffled).decide(
        requester, table, "read"
    )


@given(allows, requesters, tables)
def test_no_row_is_shown_that_no_single_policy_shows(allowed, requester, table):
    together = visible(PolicySet(allowed).decide(requester, table, "read"), table)
    alone = [visible(PolicySet([policy]).decide(requester, table, "read"), table) for policy in allowed]
    assert together <= set().union(*alone)


@given(allows, requesters, tables)
def test_a_column_is_open_only_where_a_policy_of_all_rows_leaves_it_open(allowed, requester, table):
    decision = PolicySet(allowed).decide(requester, table, "read")
    matching = [policy for policy in allowed if policy.matches(requester, table, "read")]
    for policy in matching:
        for rule in policy.masks:
            for column in rule.columns(table):
                free = [
                    other
                    for other in matching
                    if not other.row_filter and all(column not in mask.columns(table) for mask in other.masks)
                ]
                assert (column in decision.masks) == (not free)


@given(allows, requesters, tables)
def test_masks_only_name_columns_of_the_table(allowed, requester, table):
    assert PolicySet(allowed).decide(requester, table, "read").masks.keys() <= table.columns.keys()
