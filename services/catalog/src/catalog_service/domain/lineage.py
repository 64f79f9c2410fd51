"""Edges of lineage, and what of them a caller may see."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

__all__ = ["Edge", "visible_edges"]


@dataclass(frozen=True, slots=True)
class Edge:
    """Data went from `source` to `target` by `process`."""

    source: str
    target: str
    process: str
    source_label: str = ""
    create_time: datetime | None = None


def visible_edges(
    start: str, edges: Iterable[Edge], depth: int, may_know: Callable[[str], bool]
) -> tuple[list[Edge], set[str]]:
    """Edges up and down from `start` whose ends the caller may know, and the hidden assets at their border.

    The walk ends at a hidden asset: nothing behind it is told, not even how much there is.
    """
    known = list(edges)
    seen: dict[tuple[str, str, str], Edge] = {}
    hidden: set[str] = set()
    for near, far in (("source", "target"), ("target", "source")):
        nexts: dict[str, list[Edge]] = {}
        for edge in known:
            nexts.setdefault(getattr(edge, near), []).append(edge)
        frontier, visited = {start}, {start}
        for _step in range(depth):
            reached: set[str] = set()
            for asset in frontier:
                for edge in nexts.get(asset, ()):
                    other = getattr(edge, far)
                    if not may_know(other):
                        hidden.add(other)
                        continue
                    seen[(edge.source, edge.target, edge.process)] = edge
                    reached.add(other)
            frontier = reached - visited
            visited |= reached
    ordered = sorted(seen.values(), key=lambda edge: (edge.source, edge.target, edge.process))
    return ordered, hidden
