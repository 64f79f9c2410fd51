"""Takes up runs that nobody works on: their process died, or the knock at the queue was lost."""

from typing_extensions import override

from compute_service.ports.stores import RunQueue, RunStore
from servicekit.periodic import Periodic
from servicekit.telemetry import get_logger

__all__ = ["Recovery"]

_log = get_logger(__name__)
_OPEN = 200


class Recovery(Periodic):
    """Looks every few seconds."""

    def __init__(self, runs: RunStore, queue: RunQueue, every_seconds: float) -> None:
        super().__init__(every_seconds)
        self._runs, self._queue = runs, queue

    async def recover_runs(self) -> list[str]:
        """Queues each open run that nobody holds; their ids. One that waits in the queue already stays as it is."""
        found = []
        for run in await self._runs.list_open_runs(_OPEN):
            async with self._runs.claim(run.run) as free:
                pass
            if free:
                await self._queue.enqueue(run.run)
                found.append(run.run)
        return found

    @override
    async def look(self) -> None:
        try:
            await self.recover_runs()
        except Exception as error:  # noqa: BLE001 - the database may be away; look again later
            _log.warning("open runs cannot be looked up", cause=str(error))
