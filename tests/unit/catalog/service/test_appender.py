"""The appender: groups, answers to each, failures to each."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

from catalog_service.domain.audit import Entry
from catalog_service.errors import AuditEntryInvalidError
from catalog_service.service import appender as module
from catalog_service.service.appender import AuditAppender
from catalog_service.storage.memory import MemoryAuditStore
from servicekit.errors import ResourceExhaustedError, UnavailableError


class SlowStore(MemoryAuditStore):
    """Takes a moment for each group, or fails."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[int] = []
        self.failure: Exception | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def record_audit_entries(self, entries):
        await self.go_on.wait()
        await asyncio.sleep(0.005)
        if self.failure is not None:
            raise self.failure
        self.groups.append(len(entries))
        return await super().record_audit_entries(entries)


def entry(**changes):
    values = {
        "uid": str(uuid.uuid4()),
        "time": datetime.now(UTC),
        "username": "u",
        "action": "a",
        "outcome": "OK",
    }
    return Entry(**(values | changes))


@pytest.fixture
async def store():
    return SlowStore()


@pytest.fixture
async def appender(store):
    running = AuditAppender(store)
    running.start()
    yield running
    store.go_on.set()
    await running.stop()


async def test_what_waits_goes_into_one_group(appender, store):
    await asyncio.gather(*(appender.append([entry()]) for _ in range(100)))
    assert len(store.entries) == 100
    assert len(store.groups) <= 3
    assert appender.head == store.head


async def test_an_answer_means_kept(appender, store):
    one = entry()
    await appender.append([one])
    assert [recorded.entry.uid for recorded in store.entries] == [one.uid]


async def test_groups_have_a_limit(appender, store, monkeypatch):
    monkeypatch.setattr(module, "GROUP", 10)
    await asyncio.gather(*(appender.append([entry() for _ in range(4)]) for _ in range(10)))
    assert max(store.groups) <= 10
    assert sum(store.groups) == 40


async def test_a_failure_reaches_everyone_and_the_next_group_goes_on(appender, store):
    store.failure = UnavailableError(module.Text(en="no", id="tidak"))
    results = await asyncio.gather(*(appender.append([entry()]) for _ in range(5)), return_exceptions=True)
    assert all(result is store.failure for result in results)
    store.failure = None
    await appender.append([entry()])
    assert len(store.entries) == 1


async def test_a_bad_entry_harms_nobody_else(appender, store):
    good, bad = await asyncio.gather(
        appender.append([entry()]), appender.append([entry(uid="x")]), return_exceptions=True
    )
    assert good is None
    assert isinstance(bad, AuditEntryInvalidError)
    assert len(store.entries) == 1


async def test_a_caller_that_gives_up_does_not_take_the_entry_back(appender, store):
    store.go_on.clear()
    task = asyncio.create_task(appender.append([entry()]))
    await asyncio.sleep(0.01)
    task.cancel()
    store.go_on.set()
    await appender.append([entry()])
    assert len(store.entries) == 2


async def test_the_queue_has_an_end(appender, store, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    store.go_on.clear()
    first = asyncio.create_task(appender.append([entry()]))
    await asyncio.sleep(0.01)
    waiting = [asyncio.create_task(appender.append([entry()])) for _ in range(3)]
    await asyncio.sleep(0.01)
    with pytest.raises(ResourceExhaustedError):
        await appender.append([entry()])
    store.go_on.set()
    await asyncio.gather(first, *waiting)


async def test_stopping_commits_what_waits_and_takes_no_more(store):
    running = AuditAppender(store)
    running.start()
    tasks = [asyncio.create_task(running.append([entry()])) for _ in range(20)]
    await asyncio.sleep(0)
    await running.stop()
    await asyncio.gather(*tasks)
    assert len(store.entries) == 20
    with pytest.raises(UnavailableError):
        await running.append([entry()])


async def test_what_waits_and_what_is_committed_is_told(appender, store):
    def told(state):
        return REGISTRY.get_sample_value("lumbung_queue_items", {"queue": "audit_entries", "state": state})

    store.go_on.clear()
    tasks = [asyncio.create_task(appender.append([entry(), entry()]))]
    await asyncio.sleep(0.01)
    tasks += [asyncio.create_task(appender.append([entry()])) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert (told("running"), told("waiting")) == (2, 3)
    store.go_on.set()
    await asyncio.gather(*tasks)
    await asyncio.sleep(0.01)
    assert (told("running"), told("waiting")) == (0, 0)
