"""The validating process: one file, then it ends. It has limits, and neither credentials nor a network client."""

import os
import resource

import polars as pl

from ingest_service.engine.expressions import does_not_work
from ingest_service.engine.job import Order, Report, ValidationJob
from ingest_service.engine.validate import validate
from ingest_service.errors import ContractError

__all__ = ["work"]


def work(order: Order) -> None:
    """Reads a `ValidationJob`, checks its file under the order's limits, and writes a `Report`."""
    _limit(order.memory_bytes, order.cpu_seconds)
    folder = str(order.report.parent)
    os.chdir(folder)
    os.environ.update(HOME=folder, TMPDIR=folder)
    job = ValidationJob.model_validate_json(order.job.read_text(encoding="utf-8"))
    try:
        report = validate(job)
    except ContractError as error:
        report = _unusable(error)
    except pl.exceptions.PolarsError as error:
        # What compiles and fails on data is an expression, such as a number that leaves its type.
        report = _unusable(does_not_work("rules", error))
    partial = order.report.with_suffix(".partial")
    partial.write_text(report.model_dump_json(), encoding="utf-8")
    partial.rename(order.report)


def _limit(memory_bytes: int, seconds: int) -> None:
    """Bounds the process from inside; the service watches its resident memory from outside."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    # Allocators reserve more than they use: the hard bound leaves them room.
    hard = memory_bytes + 2 * 1024**3
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _unusable(error: ContractError) -> Report:
    return Report(rejected=True, contract_error=(error.sentence("en"), error.sentence("id")))
