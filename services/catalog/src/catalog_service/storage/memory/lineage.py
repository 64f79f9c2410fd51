"""Edges in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from catalog_service.domain.lineage import Edge
from catalog_service.storage.ports import LineageStore

__all__ = ["MemoryLineageStore"]


class MemoryLineageStore(LineageStore):
    """Edges in a dict."""

    def __init__(self) -> None:
        self._edges: dict[tuple[str, str, str], Edge] = {}

    async def record_lineage(self, edges: Sequence[Edge]) -> None:
        """See the port."""
        for edge in edges:
            key = (edge.source, edge.target, edge.process)
            self._edges.setdefault(key, replace(edge, create_time=datetime.now(UTC)))

    async def get_lineage(self, asset: str, depth: int, limit: int) -> list[Edge]:
        """See the port."""
        found: dict[tuple[str, str, str], Edge] = {}
        for near, far in (("source", "target"), ("target", "source")):
            reached = {asset}
            for _step in range(depth):
                step = {key: edge for key, edge in self._edges.items() if getattr(edge, near) in reached}
                found |= step
                reached |= {getattr(edge, far) for edge in step.values()}
        return [found[key] for key in sorted(found)][:limit]
