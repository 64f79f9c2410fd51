"""Snapshots in PostgreSQL. GetDataset and ListDatasets show the latest of them."""

from collections.abc import Sequence

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from catalog_service.domain.dataset import Snapshot
from catalog_service.storage.ports import SnapshotStore
from catalog_service.storage.postgres.transactions import CHANGE_LOCK, Pool, lock, transaction

__all__ = ["PostgresSnapshotStore"]

_KEEP = """
INSERT INTO snapshots (dataset, snapshot, rows, origin, control_totals)
VALUES (%(dataset)s, %(snapshot)s, %(rows)s, %(origin)s, %(control_totals)s)
ON CONFLICT (dataset, snapshot) DO NOTHING RETURNING *
"""
_FIND = "SELECT * FROM snapshots WHERE dataset = %(dataset)s AND snapshot = %(snapshot)s"
_KEEP_COLUMNS = """
INSERT INTO table_columns AS t (dataset, columns, change_id)
VALUES (%(dataset)s, %(columns)s, nextval('catalog_changes'))
ON CONFLICT (dataset) DO UPDATE SET columns = excluded.columns, change_id = excluded.change_id
WHERE t.columns <> excluded.columns
"""
_LATEST = """
SELECT DISTINCT ON (dataset) * FROM snapshots WHERE dataset = ANY(%s) ORDER BY dataset, sequence DESC
"""
_LIST = """
SELECT * FROM snapshots WHERE dataset = %s AND sequence < %s ORDER BY sequence DESC LIMIT %s
"""
_NEWEST = 2**63 - 1


def _snapshot(row: DictRow) -> Snapshot:
    return Snapshot(
        dataset=row["dataset"],
        snapshot=row["snapshot"],
        rows=row["rows"],
        origin=row["origin"],
        control_totals=row["control_totals"],
        create_time=row["create_time"],
        sequence=row["sequence"],
    )


class PostgresSnapshotStore(SnapshotStore):
    """Snapshots in the tables snapshots and table_columns."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def record_snapshot(self, snapshot: Snapshot, columns: Sequence[str]) -> Snapshot:
        """See the port."""
        values = {
            "dataset": snapshot.dataset,
            "snapshot": snapshot.snapshot,
            "rows": snapshot.rows,
            "origin": snapshot.origin,
            "control_totals": Jsonb(dict(snapshot.control_totals)),
            "columns": list(columns),
        }
        async with transaction(self._pool) as connection:
            await lock(connection, CHANGE_LOCK)
            row = await (await connection.execute(_KEEP, values)).fetchone()
            if row is not None:
                await connection.execute(_KEEP_COLUMNS, values)
            else:
                row = await (await connection.execute(_FIND, values)).fetchone()
        assert row is not None  # noqa: S101 (kept now or before)
        return _snapshot(row)

    async def latest_snapshots(self, datasets: Sequence[str]) -> dict[str, Snapshot]:
        """See the port."""
        async with transaction(self._pool) as connection:
            rows = await (await connection.execute(_LATEST, [list(datasets)])).fetchall()
        return {row["dataset"]: _snapshot(row) for row in rows}

    async def list_snapshots(self, dataset: str, before: int | None, limit: int) -> list[Snapshot]:
        """See the port."""
        values = [dataset, _NEWEST if before is None else before, limit]
        async with transaction(self._pool) as connection:
            rows = await (await connection.execute(_LIST, values)).fetchall()
        return [_snapshot(row) for row in rows]
