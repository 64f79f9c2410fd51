"""Removes clusters of runs that have ended: their process died between the end and the removal."""

from typing_extensions import override

from compute_service.domain.runs import FINAL
from compute_service.ports.outside import RunClusters
from compute_service.ports.stores import RunStore
from servicekit.errors import LumbungError
from servicekit.periodic import Periodic
from servicekit.telemetry import get_logger

__all__ = ["Leftovers"]

_log = get_logger(__name__)


class Leftovers(Periodic):
    """Looks at the start and then at times. A run that is open keeps its cluster: who works on it sees to that."""

    def __init__(self, runs: RunStore, clusters: RunClusters, every_seconds: float) -> None:
        super().__init__(every_seconds)
        self._runs, self._clusters = runs, clusters

    async def remove_leftovers(self) -> list[str]:
        """Removes the clusters of runs that have ended or are not known; their ids."""
        removed = []
        for name in sorted(await self._clusters.list_runs()):
            run = await self._runs.get_run(name)
            if run is None or run.state in FINAL:
                await self._clusters.remove(name)
                removed.append(name)
        return removed

    @override
    async def look(self) -> None:
        try:
            for run in await self.remove_leftovers():
                _log.info("the cluster of an ended run was removed", run=run)
        except (LumbungError, OSError) as error:
            _log.warning("clusters of ended runs cannot be looked up", cause=str(error))
