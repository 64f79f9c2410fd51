"""A query's process as the service holds it: it can be asked, watched and killed."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, SecretStr

from compute_service.domain.query import QueryLimits
from compute_service.engine.failures import crashed, error_from_json, memory_error, time_error
from compute_service.engine.frames import HEADER, JSON, MAX_FRAME, json_frame
from lake import LakeSettings
from servicekit.errors import LumbungError
from servicekit.telemetry import get_logger

__all__ = ["QueryProcess"]

_log = get_logger(__name__)
_WATCH_SECONDS = 0.05
_START_SECONDS = 60.0
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Resident bytes and CPU seconds (all threads) of a process now."""

    resident_bytes: int
    cpu_seconds: float


class QueryProcess:
    """One process. After any error of its own it is dead and must not be used again."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        temp: Path,
    ) -> None:
        self._process, self._reader, self._writer, self._temp = process, reader, writer, temp
        self._killed_for: LumbungError | None = None
        self.queries = 0

    @classmethod
    async def start(cls, lake: LakeSettings, temp_dir: Path | None, log_level: str) -> Self:
        """Starts a process and waits until it is ready."""
        ours, theirs = socket.socketpair()
        temp = Path(tempfile.mkdtemp(prefix="lumbung-query-", dir=temp_dir))
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "compute_service.engine.worker",
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                env=_environment(temp),
            )
        finally:
            theirs.close()
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        started = cls(process, reader, writer, temp)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await started._send({"lake": reveal(lake), "log_level": log_level})
                await started._receive_json()
        except BaseException:
            await started.close()
            raise
        return started

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.returncode is None and self._killed_for is None

    async def inspect(self, sql: str, limits: QueryLimits) -> tuple[list[str], list[str]]:
        """Tables that a statement names, and names that cannot be tables."""
        with _Watch(self, limits):
            await self._send({"op": "inspect", "sql": sql, "cpu_seconds": limits.cpu_seconds})
            answer = await self._receive_json()
        return list(answer["tables"]), list(answer["strangers"])

    async def run_query(
        self, sql: str, tables: list[dict[str, Any]], limits: QueryLimits
    ) -> AsyncIterator[bytes | dict[str, Any]]:
        """Pieces of the Arrow stream, then the summary. The process waits while a piece is not taken."""
        limits_words = {name: getattr(limits, name) for name in QueryLimits.__dataclass_fields__}
        self.queries += 1
        with _Watch(self, limits):
            await self._send(
                {
                    "op": "run",
                    "sql": sql,
                    "tables": tables,
                    "limits": limits_words,
                    "temp_dir": str(self._temp),
                }
            )
            while True:
                kind, content = await self._receive()
                if kind == JSON:
                    answer = _checked(content)
                    yield dict(answer["summary"])
                    return
                yield content

    def kill(self, reason: LumbungError | None = None) -> None:
        """Ends it now; `reason` is what a waiting reader gets."""
        if self._killed_for is None:
            self._killed_for = reason or crashed()
        if self._process.returncode is None:
            self._process.kill()

    async def close(self) -> None:
        """Ends it and removes its temporary files."""
        self.kill()
        self._writer.close()
        await self._process.wait()
        await asyncio.to_thread(shutil.rmtree, self._temp, ignore_errors=True)

    def usage(self) -> Usage:
        """What it uses now; zeros when it has ended."""
        try:
            folder = Path("/proc") / str(self._process.pid)
            resident = int((folder / "statm").read_text().split()[1]) * _PAGE
            # The name in brackets may hold spaces; user and system time are fields 14 and 15.
            times = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        except (OSError, IndexError):
            return Usage(0, 0.0)
        return Usage(resident, sum(int(part) for part in times) / _TICKS)

    async def _send(self, message: dict[str, Any]) -> None:
        self._writer.write(json_frame(message))
        try:
            await self._writer.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise await self._death() from None

    async def _receive(self) -> tuple[bytes, bytes]:
        try:
            kind, length = HEADER.unpack(await self._reader.readexactly(HEADER.size))
            if length > MAX_FRAME:
                raise crashed()
            return kind, await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionResetError, BrokenPipeError):
            raise await self._death() from None

    async def _receive_json(self) -> dict[str, Any]:
        _, content = await self._receive()
        return _checked(content)

    async def _death(self) -> LumbungError:
        code = await self._process.wait()
        if self._killed_for is None:
            _log.error("a query's process ended", exit_code=code)
            self._killed_for = time_error("CPU") if code == -signal.SIGXCPU else crashed()
        return self._killed_for


class _Watch:
    """Kills the process when it passes a limit."""

    def __init__(self, process: QueryProcess, limits: QueryLimits) -> None:
        self._process, self._limits = process, limits
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._task = asyncio.create_task(self._watch())

    def __exit__(self, *error: object) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.wall_seconds
        cpu_until = self._process.usage().cpu_seconds + self._limits.cpu_seconds
        while self._process.alive:
            usage = self._process.usage()
            if usage.resident_bytes > self._limits.memory_bytes:
                self._process.kill(memory_error(self._limits.memory_bytes))
            elif loop.time() > deadline:
                self._process.kill(time_error(f"{self._limits.wall_seconds:g} s"))
            elif usage.cpu_seconds > cpu_until:
                self._process.kill(time_error(f"{self._limits.cpu_seconds:g} CPU s"))
            await asyncio.sleep(_WATCH_SECONDS)


def _checked(content: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(content)
    if "error" in answer:
        raise error_from_json(answer["error"])
    return answer


def reveal(settings: BaseModel) -> dict[str, Any]:
    """Settings as JSON with their secrets, for a process of our own over a socket pair."""

    def plain(value: Any) -> Any:
        if isinstance(value, SecretStr):
            return value.get_secret_value()
        if isinstance(value, BaseModel):
            return {name: plain(getattr(value, name)) for name in type(value).model_fields}
        return str(value) if isinstance(value, Path) else value

    return {name: plain(getattr(settings, name)) for name in type(settings).model_fields}


def _environment(temp: Path) -> dict[str, str]:
    """What the process inherits: no secrets, no settings."""
    kept = {
        name: os.environ[name]
        for name in ("PATH", "LANG", "LC_ALL", "HOME", "PYTHONPATH")
        if name in os.environ
    }
    return {**kept, "TMPDIR": str(temp), "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1"}
