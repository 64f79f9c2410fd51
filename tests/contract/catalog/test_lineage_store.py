"""What every store of lineage promises."""

from catalog_service.domain.lineage import Edge


def _edges(*pairs):
    return [Edge(source, target, "p/1") for source, target in pairs]


async def _around(stores, asset, depth=10, limit=100):
    return [(edge.source, edge.target) for edge in await stores.lineage.get_lineage(asset, depth, limit)]


async def test_edges_up_and_down_but_not_sideways(stores):
    await stores.lineage.record_lineage(
        _edges(("f/1", "d/a"), ("d/a", "d/b"), ("d/x", "d/b"), ("d/b", "m/1"))
    )
    assert await _around(stores, "d/a") == [("d/a", "d/b"), ("d/b", "m/1"), ("f/1", "d/a")]
    assert await _around(stores, "m/1") == [("d/a", "d/b"), ("d/b", "m/1"), ("d/x", "d/b"), ("f/1", "d/a")]


async def test_depth_and_limit(stores):
    await stores.lineage.record_lineage(_edges(*((f"d/{n}", f"d/{n + 1}") for n in range(9))))
    assert await _around(stores, "d/0", depth=2) == [("d/0", "d/1"), ("d/1", "d/2")]
    assert len(await _around(stores, "d/0", limit=3)) == 3


async def test_circles_end(stores):
    await stores.lineage.record_lineage(_edges(("d/a", "d/b"), ("d/b", "d/a"), ("d/a", "d/a")))
    assert await _around(stores, "d/a", depth=50) == [("d/a", "d/a"), ("d/a", "d/b"), ("d/b", "d/a")]


async def test_diamonds_stay_small(stores):
    pairs = []
    for level in range(25):
        pairs += [(f"d/{level}", f"d/{level}{side}") for side in "lr"]
        pairs += [(f"d/{level}{side}", f"d/{level + 1}") for side in "lr"]
    await stores.lineage.record_lineage(_edges(*pairs))
    assert len(await _around(stores, "d/0", depth=50)) == 100


async def test_the_first_record_of_an_edge_stays(stores):
    await stores.lineage.record_lineage([Edge("f/1", "d/a", "p/1", "first.csv")])
    (before,) = await stores.lineage.get_lineage("d/a", 1, 10)
    await stores.lineage.record_lineage(
        [Edge("f/1", "d/a", "p/1", "second.csv"), Edge("f/1", "d/a", "p/1", "third.csv")]
    )
    assert await stores.lineage.get_lineage("d/a", 1, 10) == [before]
    assert before.source_label == "first.csv"
    assert before.create_time is not None


async def test_nothing_to_record_is_fine(stores):
    await stores.lineage.record_lineage([])
    assert await _around(stores, "d/a") == []
