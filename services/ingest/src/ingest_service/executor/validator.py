"""Runs a validation, or the drafting of a contract, in a process that can be killed."""

import asyncio
import os
import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Literal

from typing_extensions import override

from ingest_service.engine.job import FatalFinding, Order, ProposalJob, ProposalReport, Report, ValidationJob
from ingest_service.executor.forkserver import Child, ForkServer
from ingest_service.settings import ValidationSettings
from servicekit.errors import InternalError, Text
from servicekit.telemetry import get_logger

__all__ = ["ProcessValidator", "Validator"]

_log = get_logger(__name__)
_WATCH_SECONDS = 0.1
_SAID_CHARS = 4000


class Validator(ABC):
    """Checks a file against a contract, or drafts one from it."""

    @abstractmethod
    async def validate(self, job: ValidationJob) -> Report:
        """The outcome; a file that breaks a limit is rejected, a failure of the platform is an InternalError."""

    @abstractmethod
    async def propose(self, job: ProposalJob) -> ProposalReport:
        """A draft; for files that break a limit and failures of the platform as in `validate`."""


class ProcessValidator(Validator):
    """One fresh process per file: a bad file takes down nothing else."""

    def __init__(self, settings: ValidationSettings) -> None:
        self._settings = settings
        self._server = ForkServer(settings.threads)

    async def start(self) -> None:
        """Loads the libraries that every validation needs. Without it the first validation does."""
        await self._server.start()

    async def close(self) -> None:
        """Ends what still runs."""
        await self._server.close()

    @override
    async def validate(self, job: ValidationJob) -> Report:
        text = await self._work("validate", job.out, job.model_dump_json(by_alias=True))
        if isinstance(text, FatalFinding):
            return Report(rejected=True, fatal=(text,))
        return Report.model_validate_json(text)

    @override
    async def propose(self, job: ProposalJob) -> ProposalReport:
        text = await self._work("propose", job.out, job.model_dump_json())
        if isinstance(text, FatalFinding):
            return ProposalReport(fatal=(text,))
        return ProposalReport.model_validate_json(text)

    async def _work(self, task: Literal["validate", "propose"], out: Path, job: str) -> str | FatalFinding:
        """The report of a fresh process, or the limit that it broke.

        Raises:
            InternalError: the process failed.
        """
        job_file, report_file, log = out / "job.json", out / "report.json", out / "log"
        report_file.unlink(missing_ok=True)
        job_file.write_text(job, encoding="utf-8")
        limits = self._settings
        order = Order(
            task=task,
            job=job_file,
            report=report_file,
            log=log,
            memory_bytes=limits.memory_bytes,
            cpu_seconds=int(limits.cpu_seconds),
        )
        child = await self._server.begin(order)
        watch = asyncio.create_task(self._watch(child))
        try:
            code = await child.ended()
        finally:
            watch.cancel()
            child.close()
        over = await self._why(watch, code)
        if over is not None:
            return over
        if code != 0 or not report_file.exists():
            said = log.read_text(encoding="utf-8", errors="replace")[-_SAID_CHARS:] if log.exists() else ""
            _log.error(
                "the validating process failed", task=task, returncode=code, said=said, folder=str(out)
            )
            raise InternalError(
                Text(
                    en="The validating process failed; the platform's log says why.",
                    id="Proses validasi gagal; sebabnya ada di log sistem.",
                ),
                reason="VALIDATION_FAILED",
            )
        return report_file.read_text(encoding="utf-8")

    async def _watch(self, child: Child) -> FatalFinding:
        """Kills the process when it uses too much memory or time; says which."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.wall_seconds
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if _resident_bytes(child.pid) > self._settings.memory_bytes:
                child.kill()
                return _limit_finding(f"{self._settings.memory_bytes // 2**20} MiB", "memory", "memori")
            if loop.time() > deadline:
                child.kill()
                return _limit_finding(f"{self._settings.wall_seconds:g} s", "time", "waktu")

    async def _why(self, watch: "asyncio.Task[FatalFinding]", code: int | None) -> FatalFinding | None:
        try:
            found: FatalFinding | None = await watch
        except asyncio.CancelledError:
            found = None
        if found is None and code == -signal.SIGXCPU:
            return _limit_finding(f"{self._settings.cpu_seconds:g} s", "CPU time", "waktu CPU")
        return found


def _resident_bytes(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _limit_finding(limit: str, what: str, what_id: str) -> FatalFinding:
    return FatalFinding(
        rule="file",
        value=limit,
        message_en=f"Checking the file takes more {what} than the limit of {limit}.",
        message_id=f"Pemeriksaan berkas memerlukan {what_id} melebihi batas {limit}.",
        remedy_en="Split the file into smaller ones.",
        remedy_id="Pecah menjadi berkas yang lebih kecil.",
    )
