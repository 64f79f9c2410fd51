"""What every audit store promises."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

from catalog_service.domain.audit import Entry, Head, head_mac
from catalog_service.domain.verification import ChainVerifier

KEY = b"test key"


def _entry(number=0, **changes):
    values = {
        "uid": str(uuid.uuid4()),
        "time": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=number),
        "username": f"u{number % 3}",
        "action": "a",
        "outcome": "OK",
        "resource": f"r{number % 2}",
        "detail": "ringkasan “ü” 💰",
    }
    return Entry(**(values | changes))


async def _verify(store, key=KEY):
    verifier, head = ChainVerifier(key), None
    async for part in store.read_audit_log():
        if part is None or isinstance(part, Head):
            head = part
        else:
            verifier.take(part)
    return verifier.finish(head)


async def test_an_empty_log_is_intact(stores):
    outcome = await _verify(stores.audit, key=b"")
    assert (outcome.intact, outcome.entries) == (True, 0)


async def test_what_is_read_back_verifies(stores):
    head = await stores.audit.record_audit_entries([_entry(number) for number in range(5)])
    outcome = await _verify(stores.audit)
    assert (outcome.intact, outcome.entries, outcome.head) == (True, 5, head.hash)
    assert head.mac == head_mac(KEY, 5, head.hash)
    assert not (await _verify(stores.audit, key=b"another key")).intact


async def test_a_uid_is_kept_once(stores):
    entry = _entry()
    await stores.audit.record_audit_entries([entry, entry])
    head = await stores.audit.record_audit_entries([entry, _entry()])
    assert head.sequence == 2
    assert (await _verify(stores.audit)).intact


async def test_writers_at_once_leave_no_gap(stores):
    await asyncio.gather(
        *(stores.audit.record_audit_entries([_entry(number) for number in range(3)]) for _ in range(20))
    )
    outcome = await _verify(stores.audit)
    assert (outcome.intact, outcome.entries) == (True, 60)


async def test_entries_are_listed_newest_first(stores):
    await stores.audit.record_audit_entries([_entry(number) for number in range(12)])

    async def sequences(before=None, limit=100, resource="", username=""):
        found = await stores.audit.list_audit_entries(before, limit, resource, username)
        return [recorded.sequence for recorded in found]

    assert await sequences(limit=3) == [12, 11, 10]
    assert await sequences(before=10, limit=2) == [9, 8]
    assert await sequences(username="u0") == [10, 7, 4, 1]
    assert await sequences(username="u0", resource="r1") == [10, 4]
    assert await sequences(username="nobody") == []
