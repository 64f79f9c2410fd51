"""Builds a server, runs it until it is told to stop, and stops it gracefully."""

import asyncio
import signal
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


class GrpcServer:
    """A grpc.aio server with health and reflection.

    Servicers are added with `add(pb2_grpc.add_XServicer_to_server, servicer, "full.Service")`.
    """

    def __init__(self, settings: ListenSettings, interceptor: CallInterceptor) -> None:
        self._settings = settings
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
        """Listens, and says so through health."""
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.grpc)
        reflection.enable_server_reflection(
            (*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME), self.grpc
        )
        address = f"{self._settings.host}:{self._settings.port}"
        self.grpc.add_insecure_port(address)
        await self.grpc.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        _log.info("listening", address=address, services=self._names)

    async def stop(self) -> None:
        """Says NOT_SERVING, lets running calls end, then closes."""
        await self._health.enter_graceful_shutdown()
        await self.grpc.stop(self._settings.stop_grace_seconds)


def run_service(
    name: str,
    telemetry: TelemetrySettings,
    listen: ListenSettings,
    start: Callable[[], Awaitable[Sequence[Callable[[], Awaitable[None]]]]],
) -> None:
    """Runs a service until SIGTERM or SIGINT.

    `start` builds and starts everything and returns what stops it again, in order.
    """
    setup_logging(name, telemetry.log_level)
    provider = setup_tracing(name, telemetry)
    serve_metrics(listen)

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        stoppers = await start()
        await stop.wait()
        _log.info("stopping")
        for stopper in stoppers:
            await stopper()

    try:
        uvloop.run(serve())
    finally:
        provider.shutdown()
