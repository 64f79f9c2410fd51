"""One file through the service's validating process: what it uses. For the other benchmarks."""

import asyncio
import resource
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.ingest import cpu_seconds

from ingest_service.domain.contract import parse_declaration
from ingest_service.engine.job import ValidationJob
from ingest_service.executor.validator import ProcessValidator
from ingest_service.settings import ValidationSettings

__all__ = ["Used", "check"]


@dataclass(frozen=True)
class Used:
    """CPU seconds of a run, and the largest memory of the validating processes so far, in MiB."""

    cpu: float
    peak: float


def check(path: Path, declaration: str, rows: int, rounds: int = 2) -> list[Used]:
    """Checks a file some times; in the first round is what stays loaded afterwards. Ends when not all rows are good."""
    return asyncio.run(_check(path, declaration, rows, rounds))


async def _check(path: Path, declaration: str, rows: int, rounds: int) -> list[Used]:
    contract = parse_declaration(declaration).contract
    validator = ProcessValidator(ValidationSettings(wall_seconds=3600, cpu_seconds=3600))
    await validator.start()
    used = []
    for _round in range(rounds):
        with tempfile.TemporaryDirectory() as out:
            job = ValidationJob(
                file=path,
                file_name=path.name,
                out=Path(out),
                dataset="bench",
                submission="bench",
                contract=contract,
                field_ids={},
                quarantine_ids={},
                found_time="2026-11-24T00:00:00.000000+00:00",
            )
            before = cpu_seconds()
            report = await validator.validate(job)
            used.append(cpu_seconds() - before)
            if report.rows_good != rows:
                raise SystemExit(
                    f"{report.rows_good} of {rows} rows are good: {report.rule_counts}{report.fatal}"
                )
    # The kernel tells of the validating process when the fork server, its parent, has ended.
    await validator.close()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return [Used(cpu, peak) for cpu in used]
