"""Measures the lake's tables. The lake blocks, so each call takes a thread."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from typing_extensions import override

from compute_service.ports.lakehealth import LakeHealth
from lake import Lake, TableHealth, TableId

__all__ = ["LakeTables"]

_Result = TypeVar("_Result")
_NAMESPACES = ("lake", "quarantine")


class LakeTables(LakeHealth):
    """Tables of one lake; files below `small_file_bytes` count as small."""

    def __init__(self, lake: Lake, small_file_bytes: int) -> None:
        self._lake, self._small = lake, small_file_bytes
        self._last: asyncio.Future[Any] | None = None

    @override
    async def tables(self) -> list[TableId]:
        def every() -> list[TableId]:
            return [table for namespace in _NAMESPACES for table in self._lake.list_tables(namespace)]

        return await self._call(every)

    @override
    async def health(self, table: TableId) -> TableHealth:
        return await self._call(lambda: self._lake.health(table, self._small))

    async def _call(self, work: Callable[[], _Result]) -> _Result:
        """A thread cannot be stopped: while one that was given up hangs, no other is begun."""
        if self._last is not None and not self._last.done():
            raise TimeoutError("an earlier look at the lake has not ended")
        begun = asyncio.ensure_future(asyncio.to_thread(work))
        # Nobody may be left to ask for the error of one that was given up.
        begun.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._last = begun
        return await asyncio.shield(begun)
