"""The last task of a run: put the parts together, run the rest, measure, write."""

from pathlib import Path
from typing import Any

import polars as pl

from compute_service.domain.decisions import decision_from_words
from compute_service.domain.pipeline import Aggregate, Join, Rows
from compute_service.executor.expectations import measure
from compute_service.executor.kernels import aggregate, combine, join, rows
from compute_service.executor.sinks import check_keys
from compute_service.executor.task_context import TaskContext

__all__ = ["run_finish"]


def run_finish(task: TaskContext, folder: Path) -> dict[str, Any]:
    """Rows read, outcomes of expectations, and files by sink; no files when an expectation does not hold."""
    work = _Finish(task, folder)
    for step in task.pipeline.steps:
        if step.id not in task.plan.parallel:
            work.frame(step.id)
    outcomes = [measure(work.frame(item.of), item) for item in task.pipeline.expectations]
    sinks: dict[str, Any] = {}
    if all(item.passed or item.severity != "error" for item in outcomes):
        sinks = {
            sink.dataset: [task.write_sink(work.frame(sink.source), sink.dataset, None)]
            for sink in task.pipeline.sinks
            if sink.dataset not in task.plan.written
        }
        for dataset, keys in task.words["keys"].items():
            check_keys(task.scratch.fetch(keys, folder).collect(), task.contracts[dataset])
    return {
        "rows_read": work.rows_read,
        "expectations": [
            [item.expectation, item.passed, item.severity, item.message.en, item.message.id]
            for item in outcomes
        ],
        "sinks": sinks,
    }


class _Finish:
    """Frames of steps and inputs by name, each made once."""

    def __init__(self, task: TaskContext, folder: Path) -> None:
        self._task, self._folder = task, folder
        self._frames: dict[str, pl.DataFrame] = {}
        self.rows_read = 0

    def frame(self, name: str) -> pl.DataFrame:
        """A step's or an input's rows."""
        if name not in self._frames:
            self._frames[name] = self._make(name)
        return self._frames[name]

    def _make(self, name: str) -> pl.DataFrame:
        handed = self._task.words["handed"].get(name)
        step = self._task.pipeline.step(name)
        if isinstance(step, Aggregate):
            parts = self._parts(handed) if handed else aggregate(self.frame(step.source).lazy(), step).lazy()
            return combine(parts, step)
        if handed:
            return self._parts(handed).collect()
        if isinstance(step, Join):
            return join(self.frame(step.left), self.frame(step.right), step)
        if isinstance(step, Rows):
            return rows(self.frame(step.source).lazy(), step).collect()
        return self._input(name)

    def _parts(self, keys: list[str]) -> pl.LazyFrame:
        return self._task.scratch.fetch(keys, self._folder)

    def _input(self, name: str) -> pl.DataFrame:
        task = self._task
        declared = task.pipeline.input(name)
        if declared is None:
            raise KeyError(name)
        decision = decision_from_words(task.words["decisions"][declared.dataset])
        scan = task.lake.reader.scan(declared.dataset, decision, snapshot_id=task.words["inputs"][name])
        frame = scan.lazyframe.collect()
        # A partitioned input was counted by its partitions.
        if task.pipeline.partition is None or name != task.pipeline.partition.input:
            self.rows_read += frame.height
        return frame
