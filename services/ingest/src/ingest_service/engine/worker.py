"""The validating process: one file is checked, or a contract drafted from it; then it ends. It has limits, and neither credentials nor a network client."""

import os
import resource

import polars as pl

from ingest_service.engine.expressions import does_not_work
from ingest_service.engine.job import Order, ProposalJob, ProposalReport, Report, ValidationJob
from ingest_service.engine.proposal.propose import propose_contract
from ingest_service.engine.validate import validate
from ingest_service.errors import ContractError

__all__ = ["work"]


def work(order: Order) -> None:
    """Reads the job, does its task under the order's limits, and writes the report."""
    _limit(order.memory_bytes, order.cpu_seconds)
    folder = str(order.report.parent)
    os.chdir(folder)
    os.environ.update(HOME=folder, TMPDIR=folder)
    text = order.job.read_text(encoding="utf-8")
    report: Report | ProposalReport
    if order.task == "propose":
        report = propose_contract(ProposalJob.model_validate_json(text))
    else:
        report = _validated(ValidationJob.model_validate_json(text))
    partial = order.report.with_suffix(".partial")
    partial.write_text(report.model_dump_json(), encoding="utf-8")
    partial.rename(order.report)


def _validated(job: ValidationJob) -> Report:
    try:
        return validate(job)
    except ContractError as error:
        return _unusable(error)
    except pl.exceptions.PolarsError as error:
        # What compiles and fails on data is an expression, such as a number that leaves its type.
        return _unusable(does_not_work("rules", error))


def _limit(memory_bytes: int, seconds: int) -> None:
    """Bounds the process from inside; the service watches its resident memory from outside."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    # Allocators reserve more than they use: the hard bound leaves them room.
    hard = memory_bytes + 2 * 1024**3
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _unusable(error: ContractError) -> Report:
    return Report(rejected=True, contract_error=(error.sentence("en"), error.sentence("id")))
