"""The task of one partition: read, rows steps, then what others need of them."""

from typing import Any

import polars as pl

from compute_service.domain.decisions import decision_from_words
from compute_service.domain.pipeline import Aggregate, Rows
from compute_service.executor.kernels import aggregate, rows
from compute_service.executor.task_context import TaskContext
from lake import Partition

__all__ = ["run_partition"]


def run_partition(task: TaskContext) -> dict[str, Any]:
    """Rows read, objects handed on by step, and files written by dataset."""
    part: int = task.words["part"]
    piece = _piece(task.words["partition"])
    partitioning = task.pipeline.partition
    if partitioning is None:
        raise ValueError("a pipeline without partitions has no partition task")
    decision = decision_from_words(task.words["decision"])
    frames: dict[str, pl.LazyFrame] = {partitioning.input: task.lake.reader.scan_partition(piece, decision)}
    for name in task.plan.parallel:
        step = task.pipeline.step(name)
        if isinstance(step, Rows):
            frames[name] = rows(frames[step.source], step)
    for name in task.plan.shared:
        # Read once for several readers.
        frames[name] = frames[name].collect(engine="streaming").lazy()
    handed: dict[str, str] = {}
    for name in task.plan.partials:
        step = _aggregate(task, name)
        handed[name] = task.scratch.write(aggregate(frames[step.source], step), name, part)
    for name in task.plan.gathered:
        handed[name] = task.scratch.write(frames[name], name, part)
    sinks = {
        dataset: task.write_sink(frames[_sink_source(task, dataset)].collect(), dataset, part)
        for dataset in task.plan.written
    }
    return {"rows_read": piece.rows, "handed": handed, "sinks": sinks}


def _piece(words: dict[str, Any]) -> Partition:
    files = tuple((path, size) for path, size in words["files"])
    return Partition(**{**words, "files": files})


def _aggregate(task: TaskContext, name: str) -> Aggregate:
    step = task.pipeline.step(name)
    if not isinstance(step, Aggregate):
        raise TypeError(f"{name} is no aggregate")
    return step


def _sink_source(task: TaskContext, dataset: str) -> str:
    return next(sink.source for sink in task.pipeline.sinks if sink.dataset == dataset)
