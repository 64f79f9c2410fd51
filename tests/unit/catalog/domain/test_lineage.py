"""What of a lineage a caller sees."""

from catalog_service.domain.lineage import Edge, visible_edges


def walk(start, *pairs, hidden=(), depth=10):
    edges, gone = visible_edges(
        start, [Edge(source, target, "p") for source, target in pairs], depth, lambda name: name not in hidden
    )
    return [(edge.source, edge.target) for edge in edges], gone


def test_everything_that_may_be_known():
    assert walk("b", ("a", "b"), ("b", "c"), ("x", "c")) == ([("a", "b"), ("b", "c")], set())


def test_nothing_behind_a_hidden_asset_is_told():
    assert walk("a", ("a", "h"), ("h", "c"), ("h", "i"), hidden={"h", "i"}) == ([], {"h"})


def test_an_asset_with_another_way_to_it_is_shown():
    seen = walk("a", ("a", "h"), ("h", "c"), ("a", "c"), hidden={"h"})
    assert seen == ([("a", "c")], {"h"})


def test_depth_counts_steps():
    assert walk("a", ("a", "b"), ("b", "c"), depth=1) == ([("a", "b")], set())


def test_circles_end():
    assert walk("a", ("a", "b"), ("b", "a"), depth=50)[0] == [("a", "b"), ("b", "a")]
