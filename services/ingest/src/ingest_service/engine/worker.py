"""The validating process: one file, then it ends. It has limits, and neither credentials nor a network client."""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1


def _limit(memory_bytes: int, seconds: int) -> None:
    """Bounds the process from inside; the service watches its resident memory from outside."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    # Allocators reserve more than they use: the hard bound leaves them room.
    hard = memory_bytes + 2 * 1024**3
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main(arguments: list[str]) -> int:
    """Reads a `ValidationJob` from a file and writes a `Report` beside it: job, report, memory bytes, CPU seconds, parent."""
    job_path, report_path, memory, seconds, parent = arguments
    _limit(int(memory), int(seconds))
    if os.getppid() != int(parent):
        return 1
    # Libraries are loaded under the limits.
    import polars as pl  # noqa: PLC0415

    from ingest_service.engine.expressions import does_not_work  # noqa: PLC0415
    from ingest_service.engine.job import Report, ValidationJob  # noqa: PLC0415
    from ingest_service.engine.validate import validate  # noqa: PLC0415
    from ingest_service.errors import ContractError  # noqa: PLC0415

    def _unusable(error: ContractError) -> Report:
        return Report(rejected=True, contract_error=(error.sentence("en"), error.sentence("id")))

    job = ValidationJob.model_validate_json(Path(job_path).read_text(encoding="utf-8"))
    try:
        report = validate(job)
    except ContractError as error:
        report = _unusable(error)
    except pl.exceptions.PolarsError as error:
        # What compiles and fails on data is an expression, such as a number that leaves its type.
        report = _unusable(does_not_work("rules", error))
    finished = Path(report_path)
    partial = finished.with_suffix(".partial")
    partial.write_text(report.model_dump_json(), encoding="utf-8")
    partial.rename(finished)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
