"""Tasks of RunPipeline's runs, each run on a Dask cluster of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from typing_extensions import override

from compute_service.executor.dask_session import DaskSession
from compute_service.executor.run_clusters import KubernetesRunClusters
from compute_service.ports.outside import TaskExecutor, TaskSession
from compute_service.settings import DaskSettings
from servicekit.errors import LumbungError
from servicekit.telemetry import get_logger

__all__ = ["PerRunExecutor"]

_log = get_logger(__name__)


class PerRunExecutor(TaskExecutor):
    """Makes a cluster at the first tasks of each attempt, and removes it when the attempt ends, however it ends."""

    def __init__(self, settings: DaskSettings, clusters: KubernetesRunClusters) -> None:
        self._settings, self._clusters = settings, clusters

    @override
    @asynccontextmanager
    async def open(self, run: str) -> AsyncIterator[TaskSession]:
        async def create(tasks: int) -> str:
            return await self._clusters.create(run, tasks)

        session = DaskSession(self._settings, create)
        try:
            yield session
        finally:
            await session.close()
            try:
                await self._clusters.remove(run)
            except LumbungError as error:
                # The next attempt, the search for leftovers or the operator removes it.
                _log.warning("the cluster of a run is left behind", run=run, cause=error.message.en)
