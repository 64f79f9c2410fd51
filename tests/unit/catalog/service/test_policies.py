"""Decisions as use cases: what is asked once, what is told, what is kept."""

import hashlib
import json

import pytest

from catalog_service.errors import ResourceNameInvalidError
from catalog_service.service.appender import AuditAppender
from catalog_service.service.directory import Directory
from catalog_service.service.policies import AccessQuestion, PolicyService
from catalog_service.storage.memory import MemoryAuditStore, MemoryDeclarationStore
from catalog_service.storage.ports import Kind
from servicekit.auth import Principal

SERVICE = Principal("s", "svc-compute", frozenset({"service"}))
VIEWER = Principal("s", "u", frozenset({"viewer"}), "32", "lumbung-cli")
POLICY = """
kind: Policy
name: p
description: d
owner: o
effect: allow
subjects: {roles: [viewer]}
resources: {datasets: [open]}
actions: [write]
"""
DENY = """
kind: Policy
name: secret_reason
description: d
owner: o
effect: deny
subjects: {roles: [viewer]}
resources: {datasets: [hidden]}
actions: [read, write]
"""


class CountingStore(MemoryDeclarationStore):
    """Counts how often the feed is read."""

    reads = 0

    async def changes(self, after):
        self.reads += 1
        return await super().changes(after)


@pytest.fixture
async def parts():
    store, log = CountingStore(), MemoryAuditStore()
    for name in ("open", "hidden"):
        text = (
            f"{{kind: Dataset, name: {name}, display_name: n, description: d, owner: o, tags: [], "
            "contract: {version: 1, columns: [{name: x, type: text}]}}"
        )
        await store.apply_declaration(Kind.DATASET, name, text, hashlib.sha256(text.encode()).digest(), "u")
    directory, appender = Directory(store), AuditAppender(log)
    appender.start()
    service = PolicyService(store, directory, appender)
    await service.apply_policy(SERVICE, POLICY)
    await service.apply_policy(SERVICE, DENY)
    yield service, store, log
    await appender.stop()


def ask(*resources, action="read", **more):
    return AccessQuestion(VIEWER, resources, action, "sql", **more)


async def test_a_known_but_closed_dataset_has_its_reason_and_its_owner(parts):
    service, _store, _log = parts
    (decided,) = await service.decide_access(SERVICE, ask("datasets/open"))
    assert not decided.decision.allowed
    assert decided.ask == "o"


async def test_a_hidden_dataset_keeps_its_reason_to_the_log(parts):
    service, _store, log = parts
    hidden, unknown = await service.decide_access(SERVICE, ask("datasets/hidden", "datasets/unknown"))
    assert (hidden.decision, hidden.ask) == (unknown.decision, unknown.ask)
    reasons = [json.loads(recorded.entry.detail)["reasons"] for recorded in log.entries]
    assert reasons == [["secret_reason denies read"], ["no policy allows read", "there is no such dataset"]]


async def test_many_unknown_datasets_cost_one_look(parts):
    service, store, _log = parts
    before = store.reads
    await service.decide_access(SERVICE, ask(*(f"datasets/x{number}" for number in range(100))))
    assert store.reads == before + 1
    await service.decide_access(SERVICE, ask("datasets/open", action="write"))
    assert store.reads == before + 1


async def test_a_long_query_is_kept_short_and_stays_json(parts):
    service, _store, log = parts
    await service.decide_access(SERVICE, ask("datasets/open", detail='"' * 10_000, purpose="p" * 1_000))
    detail = json.loads(log.entries[0].entry.detail)
    assert "10000 characters, SHA-256" in detail["detail"]


@pytest.mark.parametrize(
    "question",
    [ask("datasets/open", action="delete"), ask("tables/open"), ask(*["datasets/open"] * 201)],
)
async def test_what_is_no_question_is_refused_and_not_recorded(parts, question):
    service, _store, log = parts
    with pytest.raises(ResourceNameInvalidError):
        await service.decide_access(SERVICE, question)
    assert log.entries == []


async def test_an_equal_policy_is_no_change(parts):
    service, _store, _log = parts
    assert (await service.apply_policy(SERVICE, "# again\n" + POLICY)).revision == 1
    policies, token = await service.list_policies(size=1, token="")
    assert [policy.name for policy in policies] == ["p"]
    rest, end = await service.list_policies(size=1, token=token)
    assert ([policy.name for policy in rest], end) == (["secret_reason"], "")
