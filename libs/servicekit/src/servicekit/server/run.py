"""Builds a server, runs it until it is told to stop, and stops it gracefully."""

import asyncio
import errno
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from servicekit.server.interceptor import CallInterceptor
from servicekit.settings import ListenSettings, TelemetrySettings
from servicekit.telemetry import get_logger, serve_metrics, setup_logging, setup_tracing

__all__ = ["GrpcServer", "run_service"]

_log = get_logger(__name__)

STOP_SECONDS = 30.0


class GrpcServer:
    """A grpc.aio server with health and reflection.

    Servicers are added with `add(pb2_grpc.add_XServicer_to_server, servicer, "full.Service")`.
    """

    def __init__(self, settings: ListenSettings, interceptor: CallInterceptor) -> None:
        self._settings = settings
        self._interceptor = interceptor
        self._names: list[str] = []
        self._health = health.aio.HealthServicer()
        self.grpc = grpc.aio.server(
            interceptors=[interceptor],
            maximum_concurrent_rpcs=settings.max_concurrent_calls,
            options=[
                ("grpc.max_receive_message_length", settings.max_message_bytes),
                ("grpc.max_send_message_length", settings.max_message_bytes),
                ("grpc.so_reuseport", 0),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ],
        )

    def add(self, register: Callable[[object, grpc.aio.Server], None], servicer: object, name: str) -> None:
        """Adds a servicer under its full service name."""
        register(servicer, self.grpc)
        self._names.append(name)

    async def start(self) -> None:
        """Listens, and says so through health.

        Raises:
            OSError: another process has the port.
        """
        # A server that says SERVING before it has keys would fail the first calls when the issuer goes away just then.
        await self._interceptor.prepare()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.grpc)
        reflection.enable_server_reflection(
            (*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME), self.grpc
        )
        address = f"{self._settings.host}:{self._settings.port}"
        try:
            bound = self.grpc.add_insecure_port(address)
        except RuntimeError:
            bound = 0
        if bound == 0:
            raise OSError(
                errno.EADDRINUSE, f"Cannot listen on {address} (listen.port): does another process have it?"
            )
        await self.grpc.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        _log.info("listening", address=address, services=self._names)

    async def stop(self) -> None:
        """Says NOT_SERVING, waits until callers have heard it, lets running calls end, then closes."""
        await self._health.enter_graceful_shutdown()
        # A call that comes between the end of a server and the news of it is lost.
        await asyncio.sleep(self._settings.drain_seconds)
        await self.grpc.stop(self._settings.stop_grace_seconds)
        await self._interceptor.drain()


def run_service(
    name: str,
    telemetry: TelemetrySettings,
    listen: ListenSettings,
    start: Callable[[], Awaitable[Sequence[Callable[[], Awaitable[None]]]]],
) -> None:
    """Runs a service until SIGTERM or SIGINT.

    `start` builds and starts everything and returns what stops it again, in order. A failed start is logged and ends
    the process with status 1.
    """
    setup_logging(name, telemetry.log_level)
    provider = setup_tracing(name, telemetry)
    try:
        serve_metrics(listen)
        uvloop.run(_serve(start))
    except Exception as error:  # noqa: BLE001 (the log is where an operator looks, in the log's own form)
        _log.critical("the service cannot run", cause=str(error), exc_info=error)
        sys.exit(1)
    finally:
        provider.shutdown()


async def _serve(start: Callable[[], Awaitable[Sequence[Callable[[], Awaitable[None]]]]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stoppers = await start()
    await stop.wait()
    _log.info("stopping")
    for stopper in stoppers:
        # One that fails or hangs does not keep the others from stopping.
        try:
            await asyncio.wait_for(stopper(), STOP_SECONDS)
        except Exception as error:  # noqa: BLE001
            _log.error("could not stop cleanly", exc_info=error)
