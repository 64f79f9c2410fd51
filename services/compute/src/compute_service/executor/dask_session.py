"""Tasks on a Dask cluster, wherever it is."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import distributed
from distributed.security import Security
from typing_extensions import override

from compute_service.executor.tasks import run_task
from compute_service.ports.outside import ExecutorUnavailableError, TaskSession
from compute_service.settings import DaskSettings

__all__ = ["DaskSession", "FindScheduler"]

_LOST = (OSError, TimeoutError, distributed.comm.core.CommClosedError, asyncio.CancelledError)
#: Address of a scheduler for so many tasks.
FindScheduler = Callable[[int], Awaitable[str]]


class DaskSession(TaskSession):
    """One client of one scheduler. A worker that dies has its tasks repeated by Dask; a lost scheduler is reported."""

    def __init__(self, settings: DaskSettings, find: FindScheduler) -> None:
        self._settings, self._find = settings, find
        self._client: distributed.Client | None = None

    async def close(self) -> None:
        """Disconnects."""
        if self._client is not None:
            with suppress(Exception):
                await asyncio.wait_for(self._client.close(timeout=2), 5)

    @override
    async def run_tasks(
        self, run: str, tasks: Sequence[dict[str, Any]]
    ) -> AsyncIterator[tuple[int, dict[str, Any]]]:
        if self._client is None:
            self._client = await self._connect(await self._find(len(tasks)))
        client = self._client
        # Never a key of an earlier attempt: its result may be on a worker that is gone.
        attempt = uuid.uuid4().hex[:8]
        futures = {
            client.submit(
                run_task,
                json.dumps(task),
                key=f"{run}-{task['kind']}-{task.get('part', 0)}-{attempt}",
                pure=False,
            ): index
            for index, task in enumerate(tasks)
        }
        try:
            waiting = {asyncio.ensure_future(_result(future)): index for future, index in futures.items()}
            try:
                while waiting:
                    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        yield waiting.pop(task), json.loads(task.result())
            finally:
                for task in waiting:
                    task.cancel()
        finally:
            with suppress(Exception):
                await client.cancel(list(futures), force=True)

    async def _connect(self, scheduler: str) -> distributed.Client:
        settings = self._settings
        security = None
        if settings.ca is not None:
            security = Security(
                tls_ca_file=str(settings.ca),
                tls_client_cert=str(settings.cert),
                tls_client_key=str(settings.key),
                require_encryption=True,
            )
        try:
            return await distributed.Client(
                scheduler,
                security=security,
                asynchronous=True,
                timeout=settings.connect_seconds,
                set_as_default=False,
                name="compute",
            )
        except (OSError, TimeoutError) as error:
            raise ExecutorUnavailableError(f"the Dask scheduler does not answer: {error}") from error


async def _result(future: distributed.Future) -> str:
    try:
        return str(await future.result())
    except distributed.scheduler.KilledWorker as error:
        raise ExecutorUnavailableError(f"workers died over a task: {error}") from error
    except asyncio.CancelledError:
        if future.cancelled():
            raise ExecutorUnavailableError("the scheduler forgot the task") from None
        raise
    except (distributed.client.FutureCancelledError, *_LOST) as error:
        raise ExecutorUnavailableError(f"the cluster was lost: {error}") from error
    except RuntimeError as error:
        raise ExecutorUnavailableError(str(error)) from error
