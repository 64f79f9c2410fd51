"""Runs the reading of a source in a process that can be killed, and only against hosts that the platform allows."""

import asyncio
import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr, ValidationError
from typing_extensions import override

from ingest_service.domain.source import SourceDeclaration
from ingest_service.errors import SourceAwayError
from ingest_service.executor.environment import bare_environment
from ingest_service.executor.failures import broken_off, raised
from ingest_service.executor.places import Places
from ingest_service.extract.job import Extracted, ExtractJob, ExtractReport
from ingest_service.settings import SourceSettings
from servicekit.errors import Text
from servicekit.telemetry import get_logger

__all__ = ["Extractor", "ProcessExtractor", "Wanted"]

_log = get_logger(__name__)
_SAID_CHARS = 4000


@dataclass(frozen=True, slots=True)
class Wanted:
    """One chunk to read; see `ExtractJob`."""

    columns: Sequence[str]
    key_columns: Sequence[str]
    position: str | None
    ceiling: str | None
    again: bool
    everything: bool
    out: Path
    keys_out: Path


class Extractor(ABC):
    """Reads sources."""

    @abstractmethod
    async def extract(self, source: SourceDeclaration, wanted: Wanted) -> Extracted:
        """Reads one chunk. When it is cancelled, nothing of it goes on.

        Raises:
            SourceError: it cannot be read like this.
            SourceAwayError: it may be read later.
        """


class ProcessExtractor(Extractor):
    """One fresh process per chunk, which gets the password over its standard input."""

    def __init__(self, settings: SourceSettings, places: Places) -> None:
        self._settings, self._places = settings, places

    @override
    async def extract(self, source: SourceDeclaration, wanted: Wanted) -> Extracted:
        connection = source.database.connection
        self._places.check(source)
        password = self._places.secret(connection.password)
        job = ExtractJob(
            sql=source.database,
            address=await self._places.address(connection.host, connection.port),
            columns=tuple(wanted.columns),
            key_columns=tuple(wanted.key_columns),
            position=wanted.position,
            ceiling=wanted.ceiling,
            again=wanted.again,
            everything=wanted.everything,
            out=wanted.out,
            keys_out=wanted.keys_out,
            max_bytes=self._settings.max_chunk_bytes,
            connect_seconds=self._settings.connect_seconds,
            ca_file=str(self._settings.ca_file) if self._settings.ca_file is not None else None,
            settle_seconds=self._settings.settle_seconds,
            silence_seconds=self._settings.silence_seconds,
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ingest_service.extract",
            str(os.getpid()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=bare_environment(1),
            cwd="/",
        )
        try:
            async with asyncio.timeout(self._settings.wall_seconds):
                out, said = await process.communicate(_orders(job, password))
        except TimeoutError as error:
            raise SourceAwayError(
                Text(
                    en=f"Reading took more than {self._settings.wall_seconds:g} s (sources.wall_seconds).",
                    id=f"Pembacaan lebih dari {self._settings.wall_seconds:g} d (sources.wall_seconds).",
                ),
                reason="SOURCE_SLOW",
            ) from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            report = ExtractReport.model_validate_json(out)
        except ValidationError as error:
            words = said.decode(errors="replace")[-_SAID_CHARS:]
            _log.error(
                "reading a source failed", source=source.name, returncode=process.returncode, said=words
            )
            raise broken_off() from error
        if report.extracted is None:
            raise raised(report.failure)
        return report.extracted


def _orders(job: ExtractJob, password: SecretStr) -> bytes:
    """The password on a line of its own, as JSON, then the job."""
    return f"{json.dumps(password.get_secret_value())}\n{job.model_dump_json(by_alias=True)}".encode()
