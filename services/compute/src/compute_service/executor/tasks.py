"""What a worker runs. Arguments and results are JSON text: nothing of a user is ever unpickled."""

import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from compute_service.errors import RunFailedError
from compute_service.executor.finish_task import run_finish
from compute_service.executor.partition_task import run_partition
from compute_service.executor.task_context import TaskContext
from compute_service.executor.worker_lake import worker_lake
from lake import Lake
from lake.errors import InvalidCommitError, SchemaMismatchError
from servicekit.errors import LumbungError, Text
from servicekit.telemetry import extract_context, tracer

__all__ = ["run_task"]

_tracer = tracer("compute_service.executor")
#: Failures of these kinds come from the data or the declaration: the same task fails again.
_FINAL_POLARS = (
    pl.exceptions.ColumnNotFoundError,
    pl.exceptions.DuplicateError,
    pl.exceptions.InvalidOperationError,
    pl.exceptions.SchemaError,
    pl.exceptions.SchemaFieldNotFoundError,
    pl.exceptions.ShapeError,
)


def run_task(payload: str) -> str:
    """One task of a run. A failure of data or declaration is a result; anything else is raised, and tried again."""
    words = json.loads(payload)
    attributes = {"lumbung.run": words["run"], "lumbung.part": words.get("part", -1)}
    context = extract_context(words["trace"])
    with _tracer.start_as_current_span(
        f"task {words['kind']}", context=context, attributes=attributes
    ) as span:
        with worker_lake() as lake:
            result = _result(words, lake)
        span.set_attribute("lumbung.rows", int(result.get("rows_read", 0)))
    return json.dumps(result)


def _result(words: dict[str, Any], lake: Lake) -> dict[str, Any]:
    try:
        return _work(words, lake)
    except (RunFailedError, SchemaMismatchError, InvalidCommitError) as error:
        return {"failure": _failure(error)}
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        said = str(error).split("\n\nThis error occurred", 1)[0][:500]
        if isinstance(error, _FINAL_POLARS) or "overflow" in said:
            text = Text(en=f"The data does not allow it: {said}", id=f"Data tidak memungkinkan: {said}")
            return {"failure": _failure(RunFailedError(text))}
        # A panic is no Exception by class: nobody further up would catch it.
        raise RuntimeError(f"Polars: {said}") from None
    except LumbungError as error:
        # Its own pickled form would not survive; the text does.
        raise RuntimeError(f"{error.stable_reason}: {error.message.en}") from None


def _work(words: dict[str, Any], lake: Lake) -> dict[str, Any]:
    task = TaskContext(words, lake)
    if words["kind"] == "partition":
        return run_partition(task)
    with tempfile.TemporaryDirectory(prefix="finish-") as folder:
        return run_finish(task, Path(folder))


def _failure(error: LumbungError) -> dict[str, Any]:
    remedy = error.remedy
    return {
        "message": [error.message.en, error.message.id],
        "remedy": [remedy.en, remedy.id] if remedy else None,
        "metadata": error.metadata,
    }
