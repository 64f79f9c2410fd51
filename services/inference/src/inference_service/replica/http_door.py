"""The replica's own HTTP server for the protocol's REST form."""

import asyncio
import math
import socket

import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from inference_service.replica.rest import RestDoor
from inference_service.replica.settings import ListenSettings, ReplicaLimits

__all__ = ["HttpDoor"]

KEEP_ALIVE_SECONDS = 75
FAREWELL_SECONDS = 1.0
MAX_HEADER_BYTES = 64 * 1024


def _listener(listen: ListenSettings) -> socket.socket:
    last = listen.http_port + max(listen.ports, 1) - 1
    for port in range(listen.http_port, last + 1):
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(listen.ports == 0))
            listener.bind((listen.host, port))
            if listen.ports:
                # Two may bind a port that is not shared, but only one may listen.
                listener.listen()
        except OSError as error:
            listener.close()
            if port == last:
                place = f"{listen.host}:{listen.http_port}" + (f" to {last}" if listen.ports else "")
                raise OSError(
                    error.errno, f"Cannot listen on {place}: does another program have it?"
                ) from error
        else:
            return listener
    raise AssertionError("the last port is either taken or an error")


class HttpDoor:
    """Answers over HTTP/1.1."""

    def __init__(self, rest: RestDoor, limits: ReplicaLimits) -> None:
        self._rest = rest
        self._limits = limits
        self._closing = False
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, listen: ListenSettings) -> int:
        """Listens, and returns the port; shared or of its own, as over gRPC.

        Raises:
            OSError: another program has the port, or every one of the range.
        """
        listener = _listener(listen)
        config = uvicorn.Config(
            self._answer,
            interface="asgi3",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=self._limits.max_concurrent_calls,
            timeout_graceful_shutdown=math.ceil(self._limits.max_call_seconds),
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        )
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve([listener]))
        port: int = listener.getsockname()[1]
        return port

    @property
    def ended(self) -> bool:
        """Whether the server has ended by itself."""
        return self._task is not None and self._task.done()

    async def close(self) -> None:
        """Takes no more requests, and gives those under way the time of the longest call to end.

        For a moment before, answers tell their callers to connect anew, so that none sends into a closing connection.
        """
        self._closing = True
        await asyncio.sleep(FAREWELL_SECONDS)
        server, task = self._server, self._task
        self._server = self._task = None
        if server is None or task is None:
            return
        server.should_exit = True
        await task

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._rest.answer(Request(scope, receive))
        if self._closing:
            response.headers["connection"] = "close"
        await response(scope, receive, send)
