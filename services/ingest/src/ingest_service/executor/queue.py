"""Durable work on PostgreSQL: every submission and every run is worked off, whatever dies in between."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import procrastinate
import psycopg
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from psycopg import AsyncConnection
from typing_extensions import override

from ingest_service.errors import DuplicateInFlightError
from ingest_service.settings import JobSettings
from servicekit.errors import LumbungError
from servicekit.postgres import connection_info
from servicekit.settings import PostgresSettings
from servicekit.telemetry import get_logger

__all__ = ["Task", "WorkQueue", "prepare_queue"]

_log = get_logger(__name__)
_LONGEST_WAIT_SECONDS = 60


def prepare_queue(postgres: PostgresSettings) -> None:
    """Creates the queue's tables unless they are there; safe from several processes at once."""
    with psycopg.connect(connection_info(postgres)) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('lumbung ingest queue'))")
        row = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
        if row is None or row[0] is None:
            schema = procrastinate.schema.SchemaManager.get_schema()
            connection.execute(schema.encode())


class _Retry(BaseRetryStrategy):
    """Tries again later and later; what a caller did wrong is not tried again."""

    def __init__(self, max_attempts: int) -> None:
        self._max_attempts = max_attempts

    @override
    def get_retry_decision(
        self, *, exception: BaseException, job: procrastinate.jobs.Job
    ) -> RetryDecision | None:
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_in={"seconds": 0})
        if isinstance(exception, DuplicateInFlightError):
            return RetryDecision(retry_in={"seconds": 3})
        if job.attempts + 1 >= self._max_attempts:
            return None
        wait = min(2**job.attempts, _LONGEST_WAIT_SECONDS)
        if isinstance(exception, LumbungError) and exception.retry_after_seconds is not None:
            wait = max(wait, int(exception.retry_after_seconds))
        return RetryDecision(retry_in={"seconds": wait})


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of work with a queue of its own: `process(id, last_attempt)` may be called again for what was begun."""

    queue: str
    name: str
    argument: str
    process: Callable[[str, bool], Awaitable[None]]
    concurrency: int


class WorkQueue:
    """Queues work and works it off in this process, each kind beside the others."""

    def __init__(self, postgres: PostgresSettings, settings: JobSettings, tasks: Sequence[Task]) -> None:
        self._settings, self._tasks = settings, tasks
        connector = procrastinate.PsycopgConnector(
            conninfo=connection_info(postgres),
            min_size=1,
            max_size=4 + sum(task.concurrency for task in tasks),
        )
        self._app = procrastinate.App(connector=connector)
        self._known = {
            task.queue: self._app.task(
                name=task.name, queue=task.queue, retry=_Retry(settings.max_attempts), pass_context=True
            )(partial(self._run, task))
            for task in tasks
        }
        self._running: list[asyncio.Task[None]] = []

    async def enqueue(
        self, queue: str, connection: AsyncConnection[Any], work_id: str, *, lock: str | None = None
    ) -> None:
        """Queues work within the connection's transaction; of work with one lock, one piece is done at a time."""
        task = next(task for task in self._tasks if task.queue == queue)
        job = self._known[queue].configure(connection=connection, lock=lock)
        await job.defer_async(**{task.argument: work_id})

    async def start(self) -> None:
        """Begins to work, and to take over what a process that died had begun."""
        await self._app.open_async()
        for task in self._tasks:
            worker = self._app.run_worker_async(
                queues=[task.queue],
                concurrency=task.concurrency,
                install_signal_handlers=False,
                fetch_job_polling_interval=2.0,
                update_heartbeat_interval=self._settings.heartbeat_seconds,
                stalled_worker_timeout=self._settings.stalled_seconds,
                shutdown_graceful_timeout=5.0,
                delete_jobs="successful",
            )
            self._running.append(asyncio.create_task(worker))
        self._running.append(asyncio.create_task(self._keep()))

    async def stop(self) -> None:
        """Lets running work end for five seconds; what does not end is worked off by the next process."""
        for task in self._running:
            task.cancel()
        for task in self._running:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._app.close_async()

    async def _run(self, task: Task, context: procrastinate.JobContext, **arguments: str) -> None:
        attempt = context.job.attempts
        await task.process(arguments[task.argument], attempt + 1 >= self._settings.max_attempts)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._settings.housekeeping_seconds)
            try:
                await self.recover()
            except Exception as error:  # noqa: BLE001 - the next round tries again
                _log.warning("looking for abandoned work failed", cause=str(error))

    async def recover(self) -> int:
        """Queues again what a dead worker had begun; how many."""
        manager = self._app.job_manager
        stalled = [
            job
            for task in self._tasks
            for job in await manager.get_stalled_jobs(
                queue=task.queue, seconds_since_heartbeat=self._settings.stalled_seconds
            )
        ]
        for job in stalled:
            _log.warning("work of a dead process is taken over", job=job.id, arguments=job.task_kwargs)
            with contextlib.suppress(procrastinate.exceptions.ConnectorException):
                await manager.retry_job(job)
        return len(stalled)
