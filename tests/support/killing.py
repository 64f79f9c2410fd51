"""`kill -9` of ingest at a point that is seen from outside: what the tests of each way into the lake have in common.

A few points by default; `make chaos-ingest` takes each point with ten seeds (LUMBUNG_KILL_SEEDS).
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from lake import TableId

from support.ingestprocess import ingest_process, write_settings

__all__ = ["Kills", "Watch", "dice_of", "serving"]

SEEDS = int(os.environ.get("LUMBUNG_KILL_SEEDS", "0"))
LOOK_SECONDS = 60
RESUME_SECONDS = 10
ANY_MOMENT = "any moment"


class Watch:
    """What can be seen of the work on one dataset from outside, and what was there when the watch began."""

    def __init__(self, process, work: Path, lake, catalog, dataset: str) -> None:
        self.process, self._work, self._lake, self._catalog, self._dataset = (
            process, work, lake, catalog, dataset,
        )  # fmt: skip
        self.commits_before, self.buried_before, self.told_before = self.commits(), self.buried(), self.told()

    def files(self, part: str, name: str = "*") -> int:
        """Files of this process's work, in a folder of it."""
        return sum(1 for _ in self._work.glob(f"submission-{self.process.pid}-*/{part}/{name}"))

    def commits(self) -> int:
        """Snapshots of the table."""
        return self._snapshots(self._dataset)

    def buried(self) -> int:
        """Snapshots of its quarantine."""
        return self._snapshots(TableId.quarantine(self._dataset))

    def told(self) -> int:
        """Publications that the catalog knows of."""
        return sum(name.startswith(f"datasets/{self._dataset}/") for name in self._catalog.snapshots)

    def _snapshots(self, table) -> int:
        return len(self._lake.snapshots(table)) if self._lake.table_exists(table) else 0


@dataclass
class Kills:
    """The kills of one test: `points` by name, each a condition on the watch; `few` are taken by default."""

    points: Mapping[str, Callable[[Watch], object]]
    few: Sequence[str]
    missed: list[tuple[str, int]] = field(default_factory=list)
    resumed: list[float] = field(default_factory=list)

    @property
    def cases(self) -> list[tuple[str, int]]:
        """Point and seed of each kill."""
        return [(point, seed) for point in self.points for seed in range(SEEDS)] or [
            (point, 0) for point in self.few
        ]

    async def kill(
        self,
        watch: Watch,
        case: tuple[str, int],
        dice: random.Random,
        *,
        over: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """Kills when the point is seen, and a moment more; it counts as missed when the work is `over` before."""
        point, _seed = case
        deadline = time.monotonic() + (dice.uniform(0.2, 6) if point == ANY_MOMENT else LOOK_SECONDS)
        while not (seen := bool(self.points[point](watch))) and time.monotonic() < deadline:
            if over is not None and await over():
                break
            await asyncio.sleep(0.001)
        await asyncio.sleep(dice.uniform(0, 0.03))
        watch.process.send_signal(signal.SIGKILL)
        await watch.process.wait()
        if not seen and point != ANY_MOMENT:
            self.missed.append(case)

    def close(self, what: str, record_property) -> None:
        """Prints the figures, which are what the run is for, and holds them against the limits."""
        slowest = max(self.resumed)
        print(f"\n{len(self.cases)} kills ({what}), not at their point: {self.missed}; resumed after {slowest:.1f} s at most")  # fmt: skip # noqa: T201
        record_property("resumed_seconds", round(slowest, 1))
        assert len(self.missed) <= len(self.cases) // 4
        assert slowest < RESUME_SECONDS


def dice_of(case: tuple[str, int]) -> random.Random:
    """Chance that falls the same way each time for a case."""
    return random.Random("{} {}".format(*case))  # noqa: S311 - a seed, to be repeated


@asynccontextmanager
async def serving(
    settings, folder: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, grpc.aio.Channel]]:
    """The service as a process, and a channel to it."""
    settings_file = write_settings(settings, folder / "ingest.yaml")
    async with (
        ingest_process(settings_file, settings.listen.port) as process,
        grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel,
    ):
        yield process, channel
