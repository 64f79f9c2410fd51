"""Every kind of change is told with whom it breaks, and what is only text for people is no change."""

import copy

import pytest

from catalog_service.domain.columntypes import widens
from catalog_service.domain.compatibility import Concern, changes_between

BEFORE = {
    "name": "anggaran",
    "display_name": {"id": "Anggaran", "en": "Budget"},
    "owner": "steward-pusat",
    "tags": ["intake"],
    "contract": {
        "version": 1,
        "format": {"type": "csv"},
        "columns": [
            {"name": "code", "type": "code", "key": True, "pattern": "[0-9]{4}"},
            {"name": "kind", "type": "text", "allowed": ["a", "b"]},
            {"name": "budget", "type": "decimal(20,0)", "required": True, "unit": "IDR"},
            {"name": "note", "type": "text"},
        ],
        "rules": [{"id": "positive", "severity": "error", "check": "budget >= 0"}],
        "control_totals": [{"id": "total", "sum": "budget"}],
        "publish": {"mode": "append"},
    },
}


def changed(*path_and_value, drop=()):
    """Changes when a value is set, or an entry dropped, at a path of keys and indices."""
    after = copy.deepcopy(BEFORE)
    *path, value = path_and_value or (None,)
    if path:
        place = after
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
    if drop:
        place = after
        for key in drop[:-1]:
            place = place[key]
        del place[drop[-1]]
    return [(change.path, change.concern) for change in changes_between(BEFORE, after)]


CONTRACT = "contract"
COLUMNS = (CONTRACT, "columns")


def test_nothing_changes():
    assert changed() == []


@pytest.mark.parametrize(("path", "value"), [(("owner",), "x"), (("display_name",), {"id": "y", "en": "y"})])
def test_texts_for_people_are_no_change(path, value):
    assert changed(*path, value) == []


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("tags",), ["intake", "open"], ("tags", Concern.READERS)),
        ((*COLUMNS, 2, "type"), "decimal(24,0)", ("contract.columns.budget.type", Concern.NOBODY)),
        ((*COLUMNS, 2, "type"), "decimal(20,2)", ("contract.columns.budget.type", Concern.READERS)),
        ((*COLUMNS, 2, "type"), "integer", ("contract.columns.budget.type", Concern.READERS)),
        ((*COLUMNS, 2, "unit"), "million IDR", ("contract.columns.budget.unit", Concern.READERS)),
        ((*COLUMNS, 2, "required"), False, ("contract.columns.budget.required", Concern.READERS)),
        ((*COLUMNS, 3, "required"), True, ("contract.columns.note.required", Concern.SENDERS)),
        ((*COLUMNS, 3, "tags"), ["personal"], ("contract.columns.note.tags", Concern.READERS)),
        ((*COLUMNS, 0, "pattern"), "[0-9]{5}", ("contract.columns.code.pattern", Concern.SENDERS)),
        ((*COLUMNS, 1, "allowed"), ["a"], ("contract.columns.kind.allowed", Concern.SENDERS)),
        ((*COLUMNS, 1, "allowed"), ["a", "b", "c"], ("contract.columns.kind.allowed", Concern.READERS)),
        ((*COLUMNS, 3, "source"), "catatan", ("contract.columns.note.source", Concern.SENDERS)),
        ((CONTRACT, "format"), {"type": "csv", "delimiter": ";"}, ("contract.format", Concern.SENDERS)),
        ((CONTRACT, "rules", 0, "severity"), "fatal", ("contract.rules.positive.severity", Concern.SENDERS)),
        (
            (CONTRACT, "rules", 0, "severity"),
            "warning",
            ("contract.rules.positive.severity", Concern.READERS),
        ),
        ((CONTRACT, "rules", 0, "check"), "budget > 0", ("contract.rules.positive.check", Concern.SENDERS)),
        ((CONTRACT, "control_totals", 0, "sum"), "other", ("contract.control_totals.total", Concern.READERS)),
        ((CONTRACT, "publish"), {"mode": "overwrite"}, ("contract.publish", Concern.READERS)),
    ],
)
def test_a_change_is_told_with_whom_it_breaks(path, value, told):
    assert changed(*path, value) == [told]


@pytest.mark.parametrize(
    ("drop", "told"),
    [
        ((*COLUMNS, 3), ("contract.columns.note", Concern.READERS)),
        ((CONTRACT, "rules", 0), ("contract.rules.positive", Concern.READERS)),
        ((CONTRACT, "control_totals", 0), ("contract.control_totals.total", Concern.READERS)),
        ((CONTRACT, "format"), ("contract.format", Concern.SENDERS)),
    ],
)
def test_what_is_left_out_is_told(drop, told):
    assert changed(drop=drop) == [told]


def test_a_key_that_changes_concerns_readers_and_senders():
    told = changed(*COLUMNS, 3, "key", True)
    assert ("contract.columns.note.key", Concern.READERS) in told
    assert ("contract.columns.note.required", Concern.SENDERS) in told


def test_a_new_column_is_the_senders_unless_it_is_computed():
    new = {"name": "extra", "type": "text"}
    columns = BEFORE["contract"]["columns"]
    assert changed(*COLUMNS, [*columns, new]) == [("contract.columns.extra", Concern.SENDERS)]
    computed = new | {"derive": "upper(note)"}
    assert changed(*COLUMNS, [*columns, computed]) == [("contract.columns.extra", Concern.NOBODY)]


def test_a_new_rule_that_only_warns_breaks_nobody():
    rules = [*BEFORE["contract"]["rules"], {"id": "odd", "severity": "warning", "check": "budget < 10"}]
    assert changed(CONTRACT, "rules", rules) == [("contract.rules.odd", Concern.NOBODY)]


def test_every_change_is_told_in_both_languages():
    after = {"name": "anggaran", "contract": {"version": 1, "columns": [{"name": "x", "type": "date"}]}}
    for change in changes_between(BEFORE, after):
        assert change.text.id
        assert change.text.en
        assert change.text.id != change.text.en


@pytest.mark.parametrize(
    ("before", "after", "wider"),
    [
        ("code", "text", True),
        ("decimal(10,2)", "decimal(12,2)", True),
        ("decimal(12,2)", "decimal(10,2)", False),
        ("decimal(10,2)", "decimal(12,3)", False),
        ("integer", "decimal(20,0)", False),
        ("date", "timestamp", False),
    ],
)
def test_which_type_takes_the_place_of_another(before, after, wider):
    assert widens(before, after) is wider
