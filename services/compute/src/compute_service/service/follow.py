"""Reads a log that may still grow."""

import asyncio
from collections.abc import AsyncIterator

from compute_service.domain.runs import FINAL, LogLine
from compute_service.ports.stores import RunStore

__all__ = ["follow_log"]

PAGE = 500
PAUSE_SECONDS = 0.3


async def follow_log(runs: RunStore, run: str, *, follow: bool) -> AsyncIterator[LogLine]:
    """Lines from the start; with `follow` until the run has ended and its last line is out."""
    after = 0
    while True:
        # The state is read before the lines: what was written before the end is then among them.
        found = await runs.get_run(run)
        ended = found is None or found.state in FINAL
        lines = await runs.read_run_log(run, after, PAGE)
        for line in lines:
            after = line.number
            yield line
        if len(lines) == PAGE:
            continue
        if ended or not follow:
            return
        await asyncio.sleep(PAUSE_SECONDS)
