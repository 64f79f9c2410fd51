"""The directory: what it knows, and when it refuses to go on."""

import hashlib

import pytest

from catalog_service.domain.names import TableName
from catalog_service.domain.policy import Requester
from catalog_service.errors import DeclarationInvalidError, DirectoryStaleError
from catalog_service.service import directory as module
from catalog_service.service.directory import Directory
from catalog_service.storage.memory import MemoryDeclarationStore
from catalog_service.storage.ports import Kind

VIEWER = Requester(frozenset({"viewer"}), "32")
DATASET = (
    "{kind: Dataset, name: NAME, display_name: n, description: d, owner: o, tags: [t], "
    "contract: {version: 1, columns: [{name: x, type: text}]}}"
)
POLICY = (
    "{kind: Policy, name: NAME, description: d, owner: o, effect: allow, "
    "subjects: {roles: [viewer]}, resources: {tags: [t]}}"
)


@pytest.fixture
def store():
    return MemoryDeclarationStore()


@pytest.fixture
async def directory(store):
    known = Directory(store)
    await known.refresh()
    return known


async def put(store, kind, name, template):
    text = template.replace("NAME", name)
    await store.apply_declaration(kind, name, text, hashlib.sha256(text.encode()).digest(), "u")


async def test_an_audience_follows_datasets_and_policies(store, directory):
    assert directory.audience(VIEWER) == frozenset()
    await put(store, Kind.DATASET, "a", DATASET)
    await put(store, Kind.POLICY, "p", POLICY)
    await directory.refresh()
    assert directory.audience(VIEWER) == {"a"}
    assert directory.audience(Requester(frozenset({"steward"}))) == frozenset()
    await put(store, Kind.POLICY, "p", POLICY.replace("allow", "deny"))
    await directory.refresh()
    assert directory.audience(VIEWER) == frozenset()


async def test_a_dataset_of_another_replica_is_looked_up(store, directory):
    await put(store, Kind.DATASET, "a", DATASET)
    assert directory.table(TableName("lake", "a")) is None
    await directory.look_up(["a", "b"])
    table = directory.table(TableName("lake", "a"))
    assert table is not None
    assert table.tags == {"t"}
    quarantine = directory.table(TableName("quarantine", "a"))
    assert quarantine is not None
    assert "record" in quarantine.columns
    assert directory.table(TableName("lake", "b")) is None


async def test_the_policy_version_names_the_set(store, directory):
    versions = {directory.policies.version}
    for text in (POLICY, POLICY.replace("viewer", "steward")):
        await put(store, Kind.POLICY, "p", text)
        await directory.refresh()
        versions.add(directory.policies.version)
    assert len(versions) == 3


async def test_stale_policies_decide_nothing(store, directory, monkeypatch):
    monkeypatch.setattr(module, "STALE_SECONDS", -1.0)
    with pytest.raises(DirectoryStaleError):
        directory.audience(VIEWER)


async def test_a_policy_that_cannot_be_read_leaves_the_old_state_to_grow_stale(store, directory):
    await put(store, Kind.POLICY, "p", "{kind: Policy, name: NAME}")
    with pytest.raises(DeclarationInvalidError):
        await directory.refresh()
    await put(store, Kind.POLICY, "p", POLICY)
    await directory.refresh()
    assert list(directory.policy_declarations) == ["p"]


async def test_a_dataset_that_cannot_be_read_is_passed_over(store, directory):
    await put(store, Kind.DATASET, "a", "{kind: Dataset, name: NAME}")
    await put(store, Kind.DATASET, "b", DATASET)
    await directory.refresh()
    assert list(directory.datasets) == ["b"]


async def test_changes_are_handed_on_once(store, directory):
    await put(store, Kind.DATASET, "a", DATASET)
    await directory.refresh()
    assert directory.take_changed() == {"datasets/a"}
    assert directory.take_changed() == set()


def test_files_and_models_are_known_and_foreign_kinds_are_not(store):
    directory = Directory(store)
    assert directory.may_know_asset(VIEWER, "files/x")
    assert directory.may_know_asset(VIEWER, "models/m/versions/1")
    assert not directory.may_know_asset(VIEWER, "secrets/x")
