"""Keeps query processes ready and gives each RunQuery one of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from compute_service.domain.query import QueryLimits, QuerySummary, QueryTable
from compute_service.engine.process import QueryProcess
from compute_service.engine.wire import summary_from_json, table_to_json
from compute_service.errors import QueueFullError
from compute_service.ports.outside import OpenQuery, QueryEngine
from compute_service.settings import QuerySettings
from lake import LakeSettings
from servicekit.errors import LumbungError, Text
from servicekit.telemetry import QUEUE_ITEMS, get_logger

__all__ = ["ProcessPool"]

_log = get_logger(__name__)
_WAITING = QUEUE_ITEMS.labels("statements", "waiting")
_RUNNING = QUEUE_ITEMS.labels("statements", "running")


class ProcessPool(QueryEngine):
    """Warm processes. One query at a time in each; a process that saw trouble is never used again."""

    def __init__(self, lake: LakeSettings, settings: QuerySettings, log_level: str = "INFO") -> None:
        self._lake, self._settings, self._log_level = lake, settings, log_level
        self._places = asyncio.Semaphore(settings.concurrent)
        self._ready: list[QueryProcess] = []
        self._running: set[QueryProcess] = set()
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> None:
        """Begins to warm processes; does not wait for them."""
        self._refill()

    async def stop(self) -> None:
        """Ends all processes."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for process in (*self._ready, *self._running):
            await process.close()
        self._ready.clear()

    @asynccontextmanager
    async def open(self, limits: QueryLimits) -> AsyncIterator[OpenQuery]:
        """A process for one query.

        Raises:
            QueueFullError: too many queries wait, or this one has waited too long.
        """
        await self._take_place()
        try:
            _RUNNING.inc()
            process = await self._take_process()
            self._running.add(process)
            query = _Query(process, limits)
            try:
                yield query
            finally:
                self._running.discard(process)
                self._give_back(process, query.clean)
        finally:
            _RUNNING.dec()
            self._places.release()

    async def _take_place(self) -> None:
        if self._places.locked() and self._waiting >= self._settings.waiting:
            raise _busy()
        self._waiting += 1
        _WAITING.inc()
        try:
            async with asyncio.timeout(self._settings.wait_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise _busy() from None
        finally:
            self._waiting -= 1
            _WAITING.dec()

    async def _take_process(self) -> QueryProcess:
        while self._ready:
            process = self._ready.pop()
            if process.alive:
                self._refill()
                return process
            self._spawn(process.close())
        return await QueryProcess.start(self._lake, self._settings.temp_dir, self._log_level)

    def _give_back(self, process: QueryProcess, clean: bool) -> None:
        keep = clean and process.alive and process.queries < self._settings.recycle_after
        if keep and len(self._ready) < max(self._settings.warm, 1) and not self._closed:
            self._ready.append(process)
            return
        process.kill()
        self._spawn(process.close())
        self._refill()

    def _refill(self) -> None:
        if not self._closed and not self._ready and not self._tasks and self._settings.warm:
            self._spawn(self._warm())

    async def _warm(self) -> None:
        while len(self._ready) < self._settings.warm:
            try:
                process = await QueryProcess.start(self._lake, self._settings.temp_dir, self._log_level)
            except (LumbungError, TimeoutError, OSError) as error:
                _log.warning("no query process can be started", cause=str(error))
                await asyncio.sleep(2.0)
                continue
            self._ready.append(process)

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Query(OpenQuery):
    """One query on its process. `clean` says whether the process may serve another."""

    def __init__(self, process: QueryProcess, limits: QueryLimits) -> None:
        self._process, self._limits = process, limits
        self.clean = True

    async def tables(self, sql: str) -> tuple[list[str], list[str]]:
        self.clean = False
        try:
            found = await self._process.inspect(sql, self._limits)
        except LumbungError:
            self.clean = self._process.alive
            raise
        self.clean = True
        return found

    async def run_query(self, sql: str, tables: Sequence[QueryTable]) -> AsyncIterator[bytes | QuerySummary]:
        self.clean = False
        try:
            async for part in self._process.run_query(
                sql, [table_to_json(table) for table in tables], self._limits
            ):
                if isinstance(part, bytes):
                    yield part
                else:
                    self.clean = True
                    yield summary_from_json(part)
        except LumbungError as error:
            # An answer of the process itself; what killed it leaves it dead.
            self.clean = self._process.alive and error.code not in {"INTERNAL", "RESOURCE_EXHAUSTED"}
            raise

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()


def _busy() -> QueueFullError:
    return QueueFullError(
        Text(en="Too many queries run at the moment.", id="Terlalu banyak kueri sedang berjalan."),
        Text(en="Try again in a few seconds.", id="Coba lagi beberapa detik lagi."),
        retry_after_seconds=5.0,
    )
