"""The fork server and its children as the service holds them. The process itself is `engine.forkserver`."""

import asyncio
import os
import socket
import sys
from collections.abc import Mapping

from ingest_service.engine.job import Order
from ingest_service.executor.environment import bare_environment
from servicekit.errors import InternalError, Text

__all__ = ["Child", "ForkServer"]

_START_SECONDS = 60.0


class Child:
    """One validating process."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid, self._reader, self._writer = pid, reader, writer

    def kill(self) -> None:
        """Has it killed; does nothing once it has ended."""
        if not self._writer.is_closing() and self._writer.can_write_eof():
            self._writer.write_eof()

    async def ended(self) -> int | None:
        """Waits for the end: the exit code, or the signal's number below zero; None when the fork server died too."""
        line = await self._reader.readline()
        return int(line) if line else None

    def close(self) -> None:
        """Lets go of it; one that still runs is killed."""
        self._writer.close()


class ForkServer:
    """Started at the first need, and again when it has died. It inherits no secret from the environment."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> socket.socket:
        """Starts the server unless it runs; the socket that takes orders.

        Raises:
            InternalError: it does not start.
        """
        async with self._starting:
            if self._control is not None and self._process is not None and self._process.returncode is None:
                return self._control
            await self.close()
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "ingest_service.engine.forkserver",
                    str(theirs.fileno()),
                    str(os.getpid()),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    env=self._environment(),
                    cwd="/",
                )
            ours.setblocking(False)
            self._control = ours
            try:
                async with asyncio.timeout(_START_SECONDS):
                    said = await asyncio.get_running_loop().sock_recv(ours, 16)
            except (TimeoutError, OSError):
                said = b""
            if not said:
                await self.close()
                raise _not_started()
            return ours

    async def begin(self, order: Order) -> Child:
        """A new process that works on the order.

        Raises:
            InternalError: there is no process to be had.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        try:
            with theirs:
                await self._send(order, theirs)
            line = await reader.readline()
        except BaseException:
            writer.close()
            raise
        if not line:
            writer.close()
            raise _not_started()
        return Child(int(line), reader, writer)

    async def _send(self, order: Order, end: socket.socket) -> None:
        message = [order.model_dump_json().encode()]
        try:
            socket.send_fds(await self.start(), message, [end.fileno()])
        except OSError:
            # It died, and nobody had noticed yet.
            await self.close()
            socket.send_fds(await self.start(), message, [end.fileno()])

    async def close(self) -> None:
        """Ends the server and with it whatever it still runs."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
        self._control = self._process = None

    def _environment(self) -> Mapping[str, str]:
        return bare_environment(self._threads) | {
            # The process ends with its file: memory given back in between is only fetched again (Arrow's, Polars' allocator).
            "MIMALLOC_PURGE_DELAY": "-1",
            # A huge page is cleared whole for the little that a short process puts into it.
            "MIMALLOC_ALLOW_THP": "0",
            "_RJEM_MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1",
        }


def _not_started() -> InternalError:
    return InternalError(
        Text(
            en="No validating process can be started; the platform's log says why.",
            id="Proses validasi tidak dapat dijalankan; sebabnya ada di log sistem.",
        ),
        reason="VALIDATION_FAILED",
    )
