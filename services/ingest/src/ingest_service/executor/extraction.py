"""Runs the reading of a source in a process that can be killed, and only against hosts that the platform allows."""

import asyncio
import ipaddress
import json
import os
import socket
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr, ValidationError
from typing_extensions import override

from ingest_service.domain.source import Connection, SourceDeclaration
from ingest_service.errors import SourceAwayError, SourceError
from ingest_service.executor.environment import bare_environment
from ingest_service.extract.job import Extracted, ExtractFailure, ExtractJob, ExtractReport
from ingest_service.settings import SourceSettings
from servicekit.errors import InternalError, Text
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
    def check(self, source: SourceDeclaration) -> None:
        """SourceError unless the platform may speak to the declared host with the declared secret."""

    @abstractmethod
    async def extract(self, source: SourceDeclaration, wanted: Wanted) -> Extracted:
        """Reads one chunk. When it is cancelled, nothing of it goes on.

        Raises:
            SourceError: it cannot be read like this.
            SourceAwayError: it may be read later.
        """


class ProcessExtractor(Extractor):
    """One fresh process per chunk, which gets the password over its standard input."""

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings

    @override
    def check(self, source: SourceDeclaration) -> None:
        self._allowed(source.sql.connection)

    def _allowed(self, connection: Connection) -> None:
        place = f"{connection.host}:{connection.port}"
        for host in self._settings.hosts:
            if (host.host.lower(), host.port) == (connection.host.lower(), connection.port):
                if connection.password in host.secrets:
                    return
                raise SourceError(
                    Text(
                        en=f"The secret {connection.password} is not for {place}.",
                        id=f"Rahasia {connection.password} bukan untuk {place}.",
                    ),
                    _ASK,
                    reason="SOURCE_SECRET_NOT_ALLOWED",
                )
        raise SourceError(
            Text(
                en=f"The platform does not speak to {place}: it is not among the allowed hosts.",
                id=f"Sistem tidak menghubungi {place}: tidak termasuk host yang diizinkan.",
            ),
            _ASK,
            reason="SOURCE_HOST_NOT_ALLOWED",
        )

    def _secret(self, name: str) -> SecretStr:
        if name in self._settings.secrets:
            return self._settings.secrets[name]
        folder = self._settings.secrets_dir
        if folder is not None and (folder / name).is_file():
            return SecretStr((folder / name).read_text(encoding="utf-8").rstrip("\n"))
        raise SourceError(
            Text(en=f"The platform holds no secret {name}.", id=f"Sistem tidak mempunyai rahasia {name}."),
            _ASK,
            reason="SOURCE_SECRET_MISSING",
        )

    async def _resolve(self, connection: Connection) -> str:
        """The first usable address of an allowed host. A name never leads to this machine or to a link's own services."""
        place = f"{connection.host}:{connection.port}"
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                connection.host, connection.port, type=socket.SOCK_STREAM
            )
        except OSError as error:
            raise SourceAwayError(
                Text(
                    en=f"There is no address for {place}: {error}.",
                    id=f"Alamat {place} tidak ditemukan: {error}.",
                )
            ) from error
        named = [ipaddress.ip_address(str(entry[4][0])) for entry in found]
        for address in named:
            literal = str(address) == connection.host or connection.host == "localhost"
            hidden = address.is_link_local or address.is_multicast or address.is_unspecified
            if not hidden and (literal or not address.is_loopback):
                return str(address)
        raise SourceError(
            Text(
                en=f"{place} leads to {named[0]}, where no source may be.",
                id=f"{place} menuju {named[0]}, yang tidak boleh menjadi sumber.",
            ),
            _ASK,
            reason="SOURCE_HOST_NOT_ALLOWED",
        )

    @override
    async def extract(self, source: SourceDeclaration, wanted: Wanted) -> Extracted:
        connection = source.sql.connection
        self._allowed(connection)
        job = ExtractJob(
            sql=source.sql,
            address=await self._resolve(connection),
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
                out, said = await process.communicate(_orders(job, self._secret(connection.password)))
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
            raise InternalError(
                Text(
                    en="The reading process failed; the platform's log says why.",
                    id="Proses pembacaan gagal; sebabnya ada di log sistem.",
                ),
                reason="EXTRACTION_FAILED",
            ) from error
        if report.extracted is None:
            raise _raised(report.failure)
        return report.extracted


_ASK = Text(
    en="Ask the platform team to allow it (sources.hosts in ingest's settings).",
    id="Mintalah tim sistem mengizinkannya (sources.hosts pada pengaturan ingest).",
)


def _orders(job: ExtractJob, password: SecretStr) -> bytes:
    """The password on a line of its own, as JSON, then the job."""
    return f"{json.dumps(password.get_secret_value())}\n{job.model_dump_json(by_alias=True)}".encode()


def _raised(failure: ExtractFailure | None) -> SourceError | SourceAwayError:
    if failure is None:
        raise RuntimeError("a report without chunk and without failure")
    kind = SourceError if failure.lasting else SourceAwayError
    return kind(
        Text(en=failure.message_en, id=failure.message_id),
        Text(en=failure.remedy_en, id=failure.remedy_id),
        reason=failure.reason,
    )
