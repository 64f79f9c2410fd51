"""A use case that nobody asks for: it looks at the start and then at times."""

import asyncio
from abc import ABC, abstractmethod

__all__ = ["Periodic"]


class Periodic(ABC):
    """Calls `look` every `every_seconds` between `start` and `stop`."""

    def __init__(self, every_seconds: float) -> None:
        self._every = every_seconds
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def look(self) -> None:
        """Looks once. What it lets through ends the looking."""

    def start(self) -> None:
        """Begins to look."""
        self._task = asyncio.create_task(self._loop())

    async def stop(self) -> None:
        """Ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _loop(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._every)
