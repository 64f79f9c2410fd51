"""Durable work on PostgreSQL: every submission is worked off, whatever dies in between."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
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

__all__ = ["SubmissionQueue", "prepare_queue"]

_log = get_logger(__name__)
_QUEUE = "submissions"
_TASK = "process_submission"
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


class SubmissionQueue:
    """Queues submissions and works them off in this process.

    `process(submission_id, last_attempt)` does the work; it may be called again for a submission that was begun.
    """

    def __init__(
        self,
        postgres: PostgresSettings,
        settings: JobSettings,
        process: Callable[[str, bool], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._process = process
        connector = procrastinate.PsycopgConnector(
            conninfo=connection_info(postgres), min_size=1, max_size=4 + settings.concurrency
        )
        self._app = procrastinate.App(connector=connector)
        self._task = self._app.task(
            name=_TASK, queue=_QUEUE, retry=_Retry(settings.max_attempts), pass_context=True
        )(self._run)
        self._worker: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def enqueue(self, connection: AsyncConnection[Any], submission_id: str) -> None:
        """Queues a submission within the connection's transaction."""
        job = self._task.configure(connection=connection)
        await job.defer_async(submission_id=submission_id)

    async def start(self) -> None:
        """Begins to work off submissions, and to take over those whose worker died."""
        await self._app.open_async()
        self._worker = asyncio.create_task(
            self._app.run_worker_async(
                queues=[_QUEUE],
                concurrency=self._settings.concurrency,
                install_signal_handlers=False,
                fetch_job_polling_interval=2.0,
                update_heartbeat_interval=self._settings.heartbeat_seconds,
                stalled_worker_timeout=self._settings.stalled_seconds,
                shutdown_graceful_timeout=5.0,
                delete_jobs="successful",
            )
        )
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Lets running work end for five seconds; what does not end is worked off by the next process."""
        for task in (self._keeper, self._worker):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self._app.close_async()

    async def _run(self, context: procrastinate.JobContext, *, submission_id: str) -> None:
        attempt = context.job.attempts
        await self._process(submission_id, attempt + 1 >= self._settings.max_attempts)

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
        stalled = list(
            await manager.get_stalled_jobs(
                queue=_QUEUE, seconds_since_heartbeat=self._settings.stalled_seconds
            )
        )
        for job in stalled:
            _log.warning("work of a dead process is taken over", job=job.id, arguments=job.task_kwargs)
            with contextlib.suppress(procrastinate.exceptions.ConnectorException):
                await manager.retry_job(job)
        return len(stalled)
