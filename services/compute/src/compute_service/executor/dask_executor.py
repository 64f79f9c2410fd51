"""Tasks of RunPipeline's runs on the standing Dask cluster."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from typing_extensions import override

from compute_service.executor.dask_session import DaskSession
from compute_service.ports.outside import TaskExecutor, TaskSession
from compute_service.settings import DaskSettings

__all__ = ["DaskExecutor"]


class DaskExecutor(TaskExecutor):
    """Connects for each attempt of a run to `settings.scheduler`."""

    def __init__(self, settings: DaskSettings) -> None:
        self._settings = settings

    @override
    @asynccontextmanager
    async def open(self, run: str) -> AsyncIterator[TaskSession]:
        del run
        session = DaskSession(self._settings, self._scheduler)
        try:
            yield session
        finally:
            await session.close()

    async def _scheduler(self, tasks: int) -> str:
        del tasks
        return str(self._settings.scheduler)
