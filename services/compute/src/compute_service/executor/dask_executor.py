"""Tasks of RunPipeline's runs on the warm Dask cluster."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import distributed
from distributed.security import Security
from typing_extensions import override

from compute_service.executor.tasks import run_task
from compute_service.ports.outside import ExecutorUnavailableError, TaskExecutor, TaskSession
from compute_service.settings import DaskSettings
from servicekit.telemetry import get_logger

__all__ = ["DaskExecutor"]

_log = get_logger(__name__)
_LOST = (OSError, TimeoutError, distributed.comm.core.CommClosedError, asyncio.CancelledError)


class DaskExecutor(TaskExecutor):
    """Connects for each attempt of a run. A worker that dies has its tasks repeated by Dask; a lost scheduler is
    reported.
    """

    def __init__(self, settings: DaskSettings) -> None:
        self._settings = settings

    @override
    @asynccontextmanager
    async def open(self) -> AsyncIterator[TaskSession]:
        session = _Session(self._settings)
        try:
            yield session
        finally:
            await session.close()


class _Session(TaskSession):
    """One client of the scheduler."""

    def __init__(self, settings: DaskSettings) -> None:
        self._settings = settings
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
            self._client = await self._connect()
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

    async def _connect(self) -> distributed.Client:
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
                settings.scheduler,
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
