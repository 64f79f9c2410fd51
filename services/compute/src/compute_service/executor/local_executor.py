"""Tasks in this process, for tests and benches only: nothing limits or outlives them here."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from typing_extensions import override

from compute_service.executor.tasks import run_task
from compute_service.ports.outside import ExecutorUnavailableError, TaskExecutor, TaskSession

__all__ = ["LocalExecutor"]


class LocalExecutor(TaskExecutor, TaskSession):
    """One task after another in a thread."""

    @override
    def open(self, run: str) -> AbstractAsyncContextManager[TaskSession]:
        del run
        return nullcontext(self)

    @override
    async def run_tasks(
        self, run: str, tasks: Sequence[dict[str, Any]]
    ) -> AsyncIterator[tuple[int, dict[str, Any]]]:
        del run
        for index, task in enumerate(tasks):
            try:
                result = await asyncio.to_thread(run_task, json.dumps(task))
            except RuntimeError as error:
                raise ExecutorUnavailableError(str(error)) from error
            yield index, json.loads(result)
