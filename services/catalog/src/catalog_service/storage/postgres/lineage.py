"""Edges of lineage in PostgreSQL."""

from collections.abc import Sequence

from catalog_service.domain.lineage import Edge
from catalog_service.storage.ports import LineageStore
from catalog_service.storage.postgres.transactions import Pool, transaction

__all__ = ["PostgresLineageStore"]

_KEEP = """
INSERT INTO lineage_edges (source, target, process, source_label)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
ON CONFLICT DO NOTHING
"""

# UNION (not UNION ALL) keeps a node once per depth, so circles and diamonds stay small.
_AROUND = """
WITH RECURSIVE down (asset, depth) AS (
    SELECT %(asset)s, 0
    UNION
    SELECT e.target, down.depth + 1 FROM down JOIN lineage_edges e ON e.source = down.asset
    WHERE down.depth < %(depth)s
), up (asset, depth) AS (
    SELECT %(asset)s, 0
    UNION
    SELECT e.source, up.depth + 1 FROM up JOIN lineage_edges e ON e.target = up.asset
    WHERE up.depth < %(depth)s
)
SELECT * FROM lineage_edges e
WHERE EXISTS (SELECT FROM down WHERE down.asset = e.source AND down.depth < %(depth)s)
   OR EXISTS (SELECT FROM up WHERE up.asset = e.target AND up.depth < %(depth)s)
ORDER BY e.source, e.target, e.process
LIMIT %(limit)s
"""


class PostgresLineageStore(LineageStore):
    """Edges in the table lineage_edges."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def record_lineage(self, edges: Sequence[Edge]) -> None:
        """See the port."""
        # In one order, so that two writers never wait for each other in a circle.
        ordered = sorted({(edge.source, edge.target, edge.process, edge.source_label) for edge in edges})
        columns = [list(column) for column in zip(*ordered, strict=True)] or [[], [], [], []]
        async with transaction(self._pool) as connection:
            await connection.execute(_KEEP, columns)

    async def get_lineage(self, asset: str, depth: int, limit: int) -> list[Edge]:
        """See the port; CheckDataset asks for them too."""
        async with transaction(self._pool) as connection:
            cursor = await connection.execute(_AROUND, {"asset": asset, "depth": depth, "limit": limit})
            rows = await cursor.fetchall()
        return [Edge(**row) for row in rows]
