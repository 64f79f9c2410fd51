"""Runs a validation in a process that can be killed."""

import asyncio
import os
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from typing_extensions import override

from ingest_service.engine.job import FatalFinding, Report, ValidationJob
from ingest_service.settings import ValidationSettings
from servicekit.errors import InternalError, Text
from servicekit.telemetry import get_logger

__all__ = ["ProcessValidator", "Validator"]

_log = get_logger(__name__)
_WATCH_SECONDS = 0.1
_SAID_CHARS = 4000


class Validator(ABC):
    """Checks a file against a contract."""

    @abstractmethod
    async def validate(self, job: ValidationJob) -> Report:
        """The outcome; a file that breaks a limit is rejected, a failure of the platform is an InternalError."""


class ProcessValidator(Validator):
    """One fresh process per file: a bad file takes down nothing else. It inherits no secret from the environment."""

    def __init__(self, settings: ValidationSettings) -> None:
        self._settings = settings

    @override
    async def validate(self, job: ValidationJob) -> Report:
        job_file, report_file = job.out / "job.json", job.out / "report.json"
        report_file.unlink(missing_ok=True)
        job_file.write_text(job.model_dump_json(by_alias=True), encoding="utf-8")
        limits = self._settings
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ingest_service.engine.worker",
            str(job_file),
            str(report_file),
            str(limits.memory_bytes),
            str(int(limits.cpu_seconds)),
            str(os.getpid()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(job.out),
            cwd=job.out,
        )
        watch = asyncio.create_task(self._watch(process))
        try:
            _out, said = await process.communicate()
        except asyncio.CancelledError:
            _kill(process)
            raise
        finally:
            watch.cancel()
        over = await self._why(watch, process.returncode)
        if over is not None:
            return Report(rejected=True, fatal=(over,))
        if process.returncode != 0 or not report_file.exists():
            text = said.decode(errors="replace")[-_SAID_CHARS:]
            _log.error(
                "validation failed", returncode=process.returncode, said=text, submission=job.submission
            )
            raise InternalError(
                Text(
                    en="The validating process failed; the platform's log says why.",
                    id="Proses validasi gagal; sebabnya ada di log sistem.",
                ),
                reason="VALIDATION_FAILED",
            )
        return Report.model_validate_json(report_file.read_text(encoding="utf-8"))

    async def _watch(self, process: asyncio.subprocess.Process) -> FatalFinding | None:
        """Kills the process when it uses too much memory or time; says which."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.wall_seconds
        while process.returncode is None:
            await asyncio.sleep(_WATCH_SECONDS)
            if _resident_bytes(process.pid) > self._settings.memory_bytes:
                _kill(process)
                return _limit_finding(f"{self._settings.memory_bytes // 2**20} MiB", "memory", "memori")
            if loop.time() > deadline:
                _kill(process)
                return _limit_finding(f"{self._settings.wall_seconds:g} s", "time", "waktu")
        return None

    async def _why(self, watch: "asyncio.Task[FatalFinding | None]", code: int | None) -> FatalFinding | None:
        try:
            found = await watch
        except asyncio.CancelledError:
            found = None
        if found is None and code == -signal.SIGXCPU:
            return _limit_finding(f"{self._settings.cpu_seconds:g} s", "CPU time", "waktu CPU")
        return found

    def _environment(self, folder: Path) -> Mapping[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "POLARS_MAX_THREADS": str(self._settings.threads),
        }


def _kill(process: asyncio.subprocess.Process) -> None:
    try:
        process.kill()
    except ProcessLookupError:
        return


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
