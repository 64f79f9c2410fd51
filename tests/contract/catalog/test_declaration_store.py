"""What every store of declarations and snapshots promises."""

import asyncio
import hashlib

from catalog_service.domain.dataset import Snapshot
from catalog_service.storage.ports import Kind


async def _apply(store, name, text, kind=Kind.DATASET, **more):
    return await store.apply_declaration(
        kind, name, text, hashlib.sha256(text.encode()).digest(), "u", **more
    )


async def test_revisions_count_real_changes(stores):
    store = stores.declarations
    first = await _apply(store, "a", "one")
    same = await _apply(store, "a", "one")
    second = await _apply(store, "a", "two")
    assert (first.revision, same, second.revision) == (1, first, 2)
    assert second.create_time == first.create_time
    assert second.update_time >= first.update_time
    assert [
        (entry.revision, entry.text, entry.username) for entry in await store.history(Kind.DATASET, "a")
    ] == [
        (1, "one", "u"),
        (2, "two", "u"),
    ]


async def test_an_equal_digest_keeps_the_text(stores):
    digest = bytes(32)
    first = await stores.declarations.apply_declaration(Kind.TERM, "a", "text", digest, "u")
    again = await stores.declarations.apply_declaration(Kind.TERM, "a", "text  # comment", digest, "u")
    assert again == first


async def test_only_new_leaves_what_is_there(stores):
    await _apply(stores.declarations, "a", "one")
    kept = await _apply(stores.declarations, "a", "two", only_new=True)
    assert (kept.text, kept.revision) == ("one", 1)
    assert (await _apply(stores.declarations, "b", "two", only_new=True)).text == "two"


async def test_kinds_have_their_own_names(stores):
    await _apply(stores.declarations, "a", "one", Kind.DATASET)
    assert (await _apply(stores.declarations, "a", "one", Kind.POLICY)).revision == 1


async def test_changes_come_in_order_and_once(stores):
    store = stores.declarations
    assert (await store.changes(0)).last == 0
    for name in "abc":
        await _apply(store, name, "one")
    await _apply(store, "a", "two")
    changes = await store.changes(0)
    assert [(d.name, d.text) for d in changes.declarations] == [("b", "one"), ("c", "one"), ("a", "two")]
    assert not (await store.changes(changes.last)).declarations
    await _apply(store, "d", "one")
    later = await store.changes(changes.last)
    assert [d.name for d in later.declarations] == ["d"]
    assert later.last > changes.last


async def test_no_change_is_passed_over_under_concurrency(stores):
    store = stores.declarations
    seen, last = [], 0
    writers = asyncio.gather(*(_apply(store, f"n{number}", "one") for number in range(40)))
    while not writers.done():
        await asyncio.sleep(0)
        changes = await store.changes(last)
        seen += [d.name for d in changes.declarations]
        last = changes.last
    seen += [d.name for d in (await store.changes(last)).declarations]
    assert sorted(seen) == sorted(f"n{number}" for number in range(40))


async def test_snapshots_are_kept_once_and_newest_first(stores):
    store = stores.snapshots
    first = await store.record_snapshot(Snapshot("a", "7", 10, "submissions/s", {"rows": "10"}), ["x"])
    again = await store.record_snapshot(Snapshot("a", "7", 99, "submissions/t"), ["y"])
    second = await store.record_snapshot(Snapshot("a", "3", 20, "submissions/s"), ["x"])
    await store.record_snapshot(Snapshot("b", "7", 1, "submissions/s"), ["x"])
    assert again == first
    assert first.control_totals == {"rows": "10"}
    assert [s.snapshot for s in await store.list_snapshots("a", None, 10)] == ["3", "7"]
    assert [s.snapshot for s in await store.list_snapshots("a", second.sequence, 10)] == ["7"]
    assert [s.snapshot for s in await store.list_snapshots("a", None, 1)] == ["3"]
    latest = await store.latest_snapshots(["a", "b", "c"])
    assert {name: snapshot.snapshot for name, snapshot in latest.items()} == {"a": "3", "b": "7"}


async def test_columns_of_a_table_are_a_change(stores):
    await stores.snapshots.record_snapshot(Snapshot("a", "1", 1, "o"), ["x"])
    first = await stores.declarations.changes(0)
    assert first.table_columns == {"a": ("x",)}
    await stores.snapshots.record_snapshot(Snapshot("a", "2", 1, "o"), ["x"])
    assert (await stores.declarations.changes(first.last)).last == first.last
    await stores.snapshots.record_snapshot(Snapshot("a", "3", 1, "o"), ["x", "y"])
    assert (await stores.declarations.changes(first.last)).table_columns == {"a": ("x", "y")}
