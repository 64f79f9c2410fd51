"""Has a topic read by a process of its own that lasts as long as it is wanted."""

import asyncio
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from pydantic import ValidationError
from typing_extensions import override

from ingest_service.domain.position import Position
from ingest_service.domain.source import SourceDeclaration
from ingest_service.errors import SourceAwayError
from ingest_service.executor.environment import bare_environment
from ingest_service.executor.failures import broken_off, raised
from ingest_service.executor.places import Places
from ingest_service.extract.topics.job import Batch, BatchOrder, TopicAnswer, TopicJob, TopicSecrets
from ingest_service.settings import SourceSettings
from servicekit.errors import Text
from servicekit.telemetry import get_logger

__all__ = ["ProcessTopics", "TopicStream", "Topics"]

_log = get_logger(__name__)
_SAID_CHARS = 4000
_LINE_BYTES = 4 * 1024 * 1024
# Beyond the time that a batch may take to gather.
_ANSWER_SECONDS = 180.0


class TopicStream(ABC):
    """A topic that is being read. Each batch begins where the one before ended."""

    @abstractmethod
    async def read(self, out: Path, upto: Mapping[int, int] | None = None) -> Batch:
        """The next batch, into the empty folder `out`; with `upto` it ends exactly there.

        Raises:
            SourceError: it cannot be read like this.
            SourceAwayError: it may be read later.
        """


class Topics(ABC):
    """Opens topics."""

    @abstractmethod
    def open(
        self, source: SourceDeclaration, position: Position | None
    ) -> AbstractAsyncContextManager[TopicStream]:
        """The declared topic from a position on (None: from where `start` says); errors as of `TopicStream.read`."""


class ProcessTopics(Topics):
    """One process per topic. It gets the passwords over its standard input, and nothing of the platform's own."""

    def __init__(self, settings: SourceSettings, places: Places) -> None:
        self._settings, self._places = settings, places

    @override
    @asynccontextmanager
    async def open(self, source: SourceDeclaration, position: Position | None) -> AsyncIterator[TopicStream]:
        self._places.check(source)
        job, secrets = await self._job(source, position)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ingest_service.extract.topics",
            str(os.getpid()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            env=bare_environment(1),
            cwd="/",
        )
        said = _Said(process)
        try:
            stream = _ProcessStream(process, said, source, _ANSWER_SECONDS + source.stream.commit_seconds)
            await stream.tell(secrets.model_dump_json(), job.model_dump_json())
            yield stream
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await said.end()

    async def _job(
        self, source: SourceDeclaration, position: Position | None
    ) -> tuple[TopicJob, TopicSecrets]:
        kafka, registry = source.stream, source.stream.registry
        # The broker's name is looked up by the client itself; where it leads is looked at before.
        await self._places.address(kafka.bootstrap.host, kafka.bootstrap.port)
        password = self._places.secret(kafka.account.password) if kafka.account else None
        account = registry.account if registry is not None else None
        registry_password = self._places.secret(account.password) if account is not None else None
        job = TopicJob(
            kafka=kafka,
            client=source.name,
            topic_id=position.topic_id if position is not None else None,
            offsets=dict(position.offsets) if position is not None else {},
            brokers=tuple(self._places.listed(kafka.account.password if kafka.account else None)),
            registry_address=await self._places.address(registry.host, registry.port) if registry else None,
            connect_seconds=self._settings.connect_seconds,
            ca_file=str(self._settings.ca_file) if self._settings.ca_file is not None else None,
        )
        secrets = TopicSecrets(
            broker=password.get_secret_value() if password else None,
            registry=registry_password.get_secret_value() if registry_password else None,
        )
        return job, secrets


class _Said:
    """The end of what a process writes to its error output."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._text = b""
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        stderr = self._process.stderr
        while stderr is not None and (words := await stderr.read(_SAID_CHARS)):
            self._text = (self._text + words)[-_SAID_CHARS:]

    async def end(self) -> str:
        """All of it, once the process has ended."""
        await self._task
        return self._text.decode(errors="replace")


class _ProcessStream(TopicStream):
    def __init__(
        self, process: asyncio.subprocess.Process, said: _Said, source: SourceDeclaration, seconds: float
    ) -> None:
        self._process, self._said, self._source, self._seconds = process, said, source, seconds

    async def tell(self, *lines: str) -> None:
        stdin = self._process.stdin
        if stdin is None:
            raise RuntimeError("the reading process has no input")
        try:
            stdin.write("".join(f"{line}\n" for line in lines).encode())
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            # It has ended; its last answer says why.
            return

    @override
    async def read(self, out: Path, upto: Mapping[int, int] | None = None) -> Batch:
        stdout = self._process.stdout
        if stdout is None:
            raise RuntimeError("the reading process has no output")
        await self.tell(BatchOrder(out=out, upto=None if upto is None else dict(upto)).model_dump_json())
        try:
            async with asyncio.timeout(self._seconds):
                line = await stdout.readline()
        except TimeoutError as error:
            raise SourceAwayError(
                Text(
                    en=f"No batch came for {self._seconds:g} s.",
                    id=f"Tidak ada batch selama {self._seconds:g} d.",
                ),
                reason="SOURCE_SLOW",
            ) from error
        try:
            answer = TopicAnswer.model_validate_json(line)
        except ValidationError as error:
            self._process.kill()
            words = await self._said.end()
            code = await self._process.wait()
            _log.error("reading a topic failed", source=self._source.name, returncode=code, said=words)
            raise broken_off() from error
        if answer.batch is None:
            raise raised(answer.failure)
        return answer.batch
