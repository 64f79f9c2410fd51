"""The tasks that a worker runs. Arguments and results are JSON text: nothing of a user is ever unpickled."""

import json
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from compute_service.domain.contract import SinkContract, parse_contract
from compute_service.domain.decisions import decision_from_words
from compute_service.domain.declaration import parse_pipeline
from compute_service.domain.pipeline import Aggregate, Join, Pipeline, Rows
from compute_service.domain.plan import Plan, plan_pipeline
from compute_service.errors import RunFailedError
from compute_service.executor.expectations import measure
from compute_service.executor.expressions import check_expression
from compute_service.executor.kernels import aggregate, combine, join, rows
from compute_service.executor.scratch import Scratch
from compute_service.executor.sinks import check_keys, check_rows, fit_contract
from compute_service.executor.worker_lake import worker_lake
from lake import Lake, Partition, WriteTarget, WrittenFile, write_parquet
from lake.errors import InvalidCommitError, SchemaMismatchError
from servicekit.errors import LumbungError, Text
from servicekit.telemetry import extract_context, tracer

__all__ = ["run_task"]

_tracer = tracer("compute_service.executor")


def run_task(payload: str) -> str:
    """One task. A failure of data or declaration comes back as a result; anything else is raised, and retried."""
    task = json.loads(payload)
    with _tracer.start_as_current_span(
        f"task {task['kind']}",
        context=extract_context(task["trace"]),
        attributes={"lumbung.run": task["run"], "lumbung.part": task.get("part", -1)},
    ) as span:
        try:
            with worker_lake() as lake:
                work = _Task(task, lake)
                result = work.partition() if task["kind"] == "partition" else work.finish()
        except (RunFailedError, SchemaMismatchError, InvalidCommitError) as error:
            result = {"failure": _failure(error)}
        except pl.exceptions.PolarsError as error:
            if "StoreError" in type(error).__name__ or _is_storage(error):
                raise RuntimeError(str(error)[:500]) from None
            said = str(error).split("\n\nThis error occurred", 1)[0][:500]
            text = Text(en=f"The data does not allow it: {said}", id=f"Data tidak memungkinkan: {said}")
            result = {"failure": _failure(RunFailedError(text))}
        except pl.exceptions.PanicException as error:
            # No Exception by class: nobody further up would catch it.
            raise RuntimeError(f"Polars failed: {error}"[:500]) from None
        except LumbungError as error:
            # Its own pickled form would not survive; the text does.
            raise RuntimeError(f"{error.stable_reason}: {error.message.en}") from None
        span.set_attribute("lumbung.rows", int(result.get("rows_read", 0)))
        return json.dumps(result)


def _is_storage(error: Exception) -> bool:
    text = str(error).lower()
    return any(word in text for word in ("object-store", "object store", "connection", "timed out", "http"))


def _failure(error: LumbungError) -> dict[str, Any]:
    remedy = error.remedy
    return {
        "message": [error.message.en, error.message.id],
        "remedy": [remedy.en, remedy.id] if remedy else None,
        "metadata": error.metadata,
    }


@lru_cache(maxsize=16)
def _parsed(declaration: str) -> tuple[Pipeline, Plan]:
    pipeline = parse_pipeline(declaration, check_expression)
    return pipeline, plan_pipeline(pipeline)


class _Task:
    """The work of one task of a run."""

    def __init__(self, task: Mapping[str, Any], lake: Lake) -> None:
        self._task, self._lake = task, lake
        self._pipeline, self._plan = _parsed(task["declaration"])
        self._scratch = Scratch(lake.objects, task["run"])
        self._run: str = task["run"]
        self._contracts = {
            name: parse_contract(name, text) for name, text in task.get("contracts", {}).items()
        }

    def partition(self) -> dict[str, Any]:
        """Reads one partition, runs the steps inside it, hands on what others need."""
        part = self._task["part"]
        words = self._task["partition"]
        piece = Partition(
            words["table"], words["snapshot_id"], words["schema_id"], tuple((path, size) for path, size in words["files"]),
            words["rows"], words["bytes"],
        )  # fmt: skip
        decision = decision_from_words(self._task["decision"])
        frames = {self._partition_input: self._lake.reader.scan_partition(piece, decision)}
        for name in self._plan.parallel:
            step = self._pipeline.step(name)
            assert isinstance(step, Rows)  # noqa: S101 - the plan says so
            frames[name] = rows(frames[step.source], step)
        handed: dict[str, Any] = {}
        for name in self._plan.partials:
            step = self._pipeline.step(name)
            assert isinstance(step, Aggregate)  # noqa: S101 - the plan says so
            handed[name] = self._scratch.write(aggregate(frames[step.source], step).lazy(), name, part)
        for name in self._plan.gathered:
            handed[name] = self._scratch.write(frames[name], name, part)
        sinks = {}
        for dataset in self._plan.written:
            sink = next(item for item in self._pipeline.sinks if item.dataset == dataset)
            sinks[dataset] = self._write(frames[sink.source].collect(), dataset, f"part-{part:06}")
        return {"rows_read": piece.rows, "handed": handed, "sinks": sinks}

    def finish(self) -> dict[str, Any]:
        """Puts the parts together, runs the rest, measures expectations, writes the sinks' files."""
        with tempfile.TemporaryDirectory(prefix="finish-") as folder:
            work = _Finish(self, Path(folder))
            return work.run()

    @property
    def _partition_input(self) -> str:
        assert self._pipeline.partition is not None  # noqa: S101 - there is a partition to run
        return self._pipeline.partition.input

    def _write(self, frame: pl.DataFrame, dataset: str, part: str) -> dict[str, Any]:
        contract = self._contracts[dataset]
        fitted = fit_contract(frame.lazy(), contract).collect()
        check_rows(frame, fitted, contract)
        check_keys(fitted.select(contract.keys), contract)
        key = None
        if contract.keys and part != "data":
            # Other parts may hold the same key: the last task looks at all of them.
            key = self._scratch.write(fitted.select(contract.keys).lazy(), f"keys-{dataset}", int(part[5:]))[
                0
            ]
        written = write_parquet(self._lake.objects, fitted, self._target(dataset), part)
        sink = next(item for item in self._pipeline.sinks if item.dataset == dataset)
        replaced = (
            [list(row) for row in fitted.select(sink.by).unique().sort(sink.by).iter_rows()]
            if sink.by
            else []
        )
        return {"file": [written.path, written.rows, written.bytes], "keys": key, "replaced": replaced}

    def _target(self, dataset: str) -> WriteTarget:
        return self._lake.writer(dataset).target(self._run)


class _Finish:
    """The last task."""

    def __init__(self, task: _Task, folder: Path) -> None:
        self._task, self._folder = task, folder
        self._pipeline, self._plan = task._pipeline, task._plan  # noqa: SLF001 - one unit with it
        self._words = task._task  # noqa: SLF001
        self._frames: dict[str, pl.DataFrame] = {}
        self._rows_read = 0

    def run(self) -> dict[str, Any]:
        for step in self._pipeline.steps:
            if step.id in self._plan.parallel:
                continue
            if isinstance(step, Aggregate):
                self._frames[step.id] = self._aggregated(step)
            elif isinstance(step, Rows):
                self._frames[step.id] = rows(self._frame(step.source).lazy(), step).collect()
            elif isinstance(step, Join):
                self._frames[step.id] = join(self._frame(step.left), self._frame(step.right), step)
        outcomes = [measure(self._frame(item.of), item) for item in self._pipeline.expectations]
        sinks: dict[str, Any] = {}
        if all(item.passed or item.severity != "error" for item in outcomes):
            sinks = {
                sink.dataset: [self._task._write(self._frame(sink.source), sink.dataset, "data")]  # noqa: SLF001
                for sink in self._pipeline.sinks
                if sink.dataset not in self._plan.written
            }
            self._check_written_keys()
        return {
            "rows_read": self._rows_read,
            "expectations": [
                [item.expectation, item.passed, item.severity, item.message.en, item.message.id]
                for item in outcomes
            ],
            "sinks": sinks,
        }

    def _aggregated(self, step: Aggregate) -> pl.DataFrame:
        if step.id in self._plan.partials and self._words["handed"].get(step.id):
            parts = self._task._scratch.fetch(self._words["handed"][step.id], self._folder)  # noqa: SLF001
            return combine(parts, step)
        return combine(aggregate(self._frame(step.source).lazy(), step).lazy(), step)

    def _frame(self, name: str) -> pl.DataFrame:
        if name not in self._frames:
            keys = self._words["handed"].get(name)
            if keys:
                self._frames[name] = self._task._scratch.fetch(keys, self._folder).collect()  # noqa: SLF001
            elif self._pipeline.input(name):
                self._frames[name] = self._input(name)
            else:
                # A rows step over a partitioned input without any data file.
                step = self._pipeline.step(name)
                assert isinstance(step, Rows)  # noqa: S101 - every other step has run above
                self._frames[name] = rows(self._frame(step.source).lazy(), step).collect()
        return self._frames[name]

    def _input(self, name: str) -> pl.DataFrame:
        declared = self._pipeline.input(name)
        assert declared is not None  # noqa: S101 - asked for by its name
        decision = decision_from_words(self._words["decisions"][declared.dataset])
        scan = self._task._lake.reader.scan(  # noqa: SLF001
            declared.dataset, decision, snapshot_id=self._words["inputs"][name]
        )
        frame = scan.lazyframe.collect()
        if name != (self._pipeline.partition.input if self._pipeline.partition else None):
            self._rows_read += frame.height
        return frame

    def _check_written_keys(self) -> None:
        for dataset, keys in self._words["keys"].items():
            if keys:
                contract: SinkContract = self._task._contracts[dataset]  # noqa: SLF001
                check_keys(self._task._scratch.fetch(keys, self._folder).collect(), contract)  # noqa: SLF001


def written_files(words: list[dict[str, Any]]) -> list[WrittenFile]:
    """Files of a sink as tasks reported them."""
    return [WrittenFile(path, count, size) for item in words for path, count, size in [item["file"]]]
