"""The lake's tables for runs. The lake blocks, so each call takes a thread."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from typing_extensions import override

from compute_service.executor.scratch import Scratch
from compute_service.ports.outside import RunTables
from lake import Condition, Lake, ReadDecision, RowFilter, TableSchema, WrittenFile

__all__ = ["LakeRunTables"]


class LakeRunTables(RunTables):
    """Tables of one lake."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    @override
    async def pin(self, dataset: str, decision: ReadDecision, snapshot_id: int | None) -> int | None:
        scan = await asyncio.to_thread(self._lake.reader.scan, dataset, decision, snapshot_id=snapshot_id)
        return scan.snapshot_id

    @override
    async def partitions(
        self, dataset: str, decision: ReadDecision, snapshot_id: int | None, rows: int
    ) -> list[dict[str, Any]]:
        if snapshot_id is None:
            return []
        parts = await asyncio.to_thread(
            self._lake.reader.plan_files, dataset, decision, snapshot_id=snapshot_id, rows_per_partition=rows
        )
        return [asdict(part) for part in parts]

    @override
    async def ensure(self, dataset: str, schema: TableSchema, description: str) -> None:
        await asyncio.to_thread(self._lake.ensure_table, dataset, schema, description=description or None)

    @override
    async def commit(
        self,
        dataset: str,
        run: str,
        files: Sequence[tuple[str, int, int]],
        replaced: Mapping[str, Sequence[str | int]] | None,
        properties: Mapping[str, str],
    ) -> tuple[int, int]:
        where = None
        if replaced is not None:
            where = RowFilter(tuple(Condition(name, frozenset(values)) for name, values in replaced.items()))

        def work() -> tuple[int, int]:
            result = self._lake.writer(dataset).overwrite(
                [WrittenFile(*file) for file in files], run_id=run, where=where, properties=properties
            )
            return result.snapshot_id, result.rows_added

        return await asyncio.to_thread(work)

    @override
    async def clear(self, run: str) -> None:
        await asyncio.to_thread(Scratch(self._lake.objects, run).clear)
