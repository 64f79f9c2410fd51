"""The chain of hashes: every way to tamper is found, at its place."""

import uuid
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_service.domain.audit import Entry, Head, chain, check_entry, head_mac
from catalog_service.domain.verification import ChainVerifier
from catalog_service.errors import AuditEntryInvalidError

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = b"key"


def entry(number=0, **changes):
    values = {
        "uid": str(uuid.UUID(int=number)),
        "time": START + timedelta(seconds=number),
        "username": "u",
        "action": "a",
        "outcome": "OK",
    }
    return Entry(**(values | changes))


def log(count=6):
    recorded = chain(Head(), [entry(number) for number in range(count)])
    last = recorded[-1]
    return recorded, Head(last.sequence, last.hash, head_mac(KEY, last.sequence, last.hash))


def verify(recorded, head, **more):
    verifier = ChainVerifier(KEY, **more)
    # In two batches, as the store gives them.
    verifier.take(recorded[:3])
    verifier.take(recorded[3:])
    return verifier.finish(head)


def test_an_untouched_log_is_intact():
    recorded, head = log()
    outcome = verify(recorded, head)
    assert (outcome.intact, outcome.entries, outcome.broken_sequence, outcome.head) == (True, 6, 0, head.hash)


def test_a_log_written_in_two_parts_is_one_chain():
    recorded, head = log(3)
    more = chain(head, [entry(7), entry(8)])
    end = Head(more[-1].sequence, more[-1].hash, head_mac(KEY, more[-1].sequence, more[-1].hash))
    assert verify([*recorded, *more], end).intact


@pytest.mark.parametrize("name", [field.name for field in fields(Entry)])
def test_every_field_is_under_the_hash(name):
    recorded, head = log()
    old = recorded[3]
    value = old.entry.time + timedelta(microseconds=1) if name == "time" else "x"
    recorded[3] = replace(old, entry=replace(old.entry, **{name: value}))
    assert verify(recorded, head).broken_sequence == 4


def _deleted(recorded, head):
    return recorded[:2] + recorded[3:], head


def _deleted_and_renumbered(recorded, head):
    return recorded[:2] + [replace(r, sequence=r.sequence - 1) for r in recorded[3:]], head


def _swapped(recorded, head):
    second, third = recorded[1], recorded[2]
    return [recorded[0], replace(third, sequence=2), replace(second, sequence=3), *recorded[3:]], head


def _inserted(recorded, head):
    forged = chain(Head(3, recorded[2].hash), [entry(99)])
    return recorded[:3] + forged + [replace(r, sequence=r.sequence + 1) for r in recorded[3:]], head


def _hash_changed(recorded, head):
    return [*recorded[:2], replace(recorded[2], hash=bytes(32)), *recorded[3:]], head


def _cut(recorded, head):
    return recorded[:-2], head


def _cut_with_head(recorded, head):
    last = recorded[-3]
    return recorded[:-2], replace(head, sequence=last.sequence, hash=last.hash)


def _emptied(recorded, head):
    return [], head


def _added_behind_the_end(recorded, head):
    return recorded + chain(head, [entry(99)]), head


def _rewritten(recorded, head):
    again = chain(Head(), [replace(r.entry, username="x") for r in recorded])
    return again, replace(head, hash=again[-1].hash)


def _headless(recorded, head):
    return recorded, None


@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        (_deleted, 3),
        (_deleted_and_renumbered, 3),
        (_swapped, 2),
        (_inserted, 5),
        (_hash_changed, 3),
        (_cut, 5),
        (_cut_with_head, 4),
        (_emptied, 1),
        (_added_behind_the_end, 7),
        (_rewritten, 6),
        (_headless, 7),
    ],
)
def test_tampering_is_found(tamper, broken):
    outcome = verify(*tamper(*log()))
    assert not outcome.intact
    assert outcome.broken_sequence == broken
    assert outcome.message


def test_what_the_service_remembers_shows_an_older_log():
    recorded, head = log()
    old_end = recorded[3]
    old_head = Head(old_end.sequence, old_end.hash, head_mac(KEY, old_end.sequence, old_end.hash))
    assert verify(recorded[:4], old_head).intact
    assert verify(recorded[:4], old_head, remembered=head).broken_sequence == 5


def test_what_the_service_remembers_shows_another_log_of_the_same_length():
    recorded, head = log()
    again = chain(Head(), [replace(r.entry, username="x") for r in recorded])
    signed = Head(6, again[-1].hash, head_mac(KEY, 6, again[-1].hash))
    assert verify(again, signed).intact
    assert verify(again, signed, remembered=head).broken_sequence == 6


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(st.tuples(texts, texts, texts), st.tuples(texts, texts, texts))
def test_no_two_entries_share_an_encoding(first, second):
    def hashed(parts):
        username, resource, detail = parts
        made = entry(username=username, resource=resource, detail=detail)
        return chain(Head(), [made])[0].hash

    assert (hashed(first) == hashed(second)) == (first == second)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"uid": "x"}, "uid"),
        ({"username": ""}, "username"),
        ({"action": ""}, "action"),
        ({"outcome": ""}, "outcome"),
        ({"resource": "x" * 501}, "resource"),
        ({"time": datetime(2026, 1, 1)}, "time"),  # noqa: DTZ001 (the point of the test)
    ],
)
def test_an_entry_that_cannot_be_kept(changes, field):
    with pytest.raises(AuditEntryInvalidError) as caught:
        check_entry(entry(**changes))
    assert caught.value.field == field


def test_an_entry_is_put_into_one_form():
    kept = check_entry(entry(uid="{" + str(uuid.UUID(int=5)).upper() + "}", detail="a\x00b"))
    assert kept.uid == str(uuid.UUID(int=5))
    assert "\x00" not in kept.detail
    long = check_entry(entry(detail="x" * 40_000))
    assert "40000 characters, SHA-256" in long.detail
    assert check_entry(long).detail.startswith("x" * 32_000)
