"""The queue of runs: Procrastinate on PostgreSQL, with a worker inside the service.

RunPipeline and CancelRun put runs into it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import procrastinate
import psycopg
from procrastinate import exceptions
from typing_extensions import override

from compute_service.ports.stores import RunQueue
from servicekit.postgres import connection_info
from servicekit.settings import PostgresSettings
from servicekit.telemetry import get_logger

__all__ = ["ProcrastinateRunQueue"]

_log = get_logger(__name__)
_QUEUE = "runs"
_SCHEMA_LOCK = 7_231_001
Handler = Callable[[str], Awaitable[None]]


class ProcrastinateRunQueue(RunQueue):
    """Jobs are only the knock at the door: what is to be done, and whether it is done, stands in the run itself."""

    def __init__(self, settings: PostgresSettings, concurrent: int, heartbeat: float, stalled: float) -> None:
        self._settings = settings
        self._concurrent, self._heartbeat, self._stalled = concurrent, heartbeat, stalled
        self._handler: Handler | None = None
        connector = procrastinate.PsycopgConnector(conninfo=connection_info(settings), min_size=1, max_size=4)
        self._app = procrastinate.App(connector=connector)
        self._task = self._app.task(name="execute_run", queue=_QUEUE)(self._execute)
        self._worker: asyncio.Task[None] | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects, and creates the queue's tables when they are not there."""
        await asyncio.to_thread(self._install)
        await self._app.open_async()

    def start(self, handler: Handler) -> None:
        """Begins to work: `handler` gets each run's id."""
        self._handler = handler
        self._worker = asyncio.create_task(self._work())
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Ends the worker; a run in work is taken up again by whoever starts next."""
        for task in (self._sweeper, self._worker):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await asyncio.wait_for(task, 10)
        await self._app.close_async()

    @override
    async def enqueue(self, run: str) -> None:
        with suppress(exceptions.AlreadyEnqueued):
            await self._task.configure(queueing_lock=run).defer_async(run=run)

    async def _execute(self, run: str) -> None:
        if self._handler is None:
            raise RuntimeError("the queue's worker has no handler")
        await self._handler(run)

    async def _work(self) -> None:
        while True:
            try:
                await self._app.run_worker_async(
                    queues=[_QUEUE],
                    concurrency=self._concurrent,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=2.0,
                    shutdown_graceful_timeout=2.0,
                    delete_jobs="always",
                    update_heartbeat_interval=self._heartbeat,
                    stalled_worker_timeout=self._stalled,
                )
            except (OSError, exceptions.ProcrastinateException) as error:
                _log.warning("the queue's worker starts again", cause=str(error))
            await asyncio.sleep(1.0)

    async def _sweep(self) -> None:
        """Removes jobs of workers that died; the runs themselves are found by `recover_runs`."""
        while True:
            await asyncio.sleep(self._stalled)
            try:
                for job in await self._app.job_manager.get_stalled_jobs(
                    seconds_since_heartbeat=self._stalled
                ):
                    await self._app.job_manager.finish_job(
                        job, procrastinate.jobs.Status.FAILED, delete_job=True
                    )
            except (OSError, exceptions.ProcrastinateException) as error:
                _log.warning("stalled jobs cannot be swept", cause=str(error))

    def _install(self) -> None:
        with psycopg.connect(connection_info(self._settings)) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
            found = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
            if found is None or found[0] is None:
                connection.execute(self._app.schema_manager.get_schema().encode())
