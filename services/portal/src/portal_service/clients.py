"""Asks the parts whether they are there."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import httpx2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from portal_service.settings import PartSettings
from servicekit.telemetry import get_logger

__all__ = ["PartProbe"]

_log = get_logger(__name__)
_SERVER_FAULT = 500


class PartProbe:
    """Probes of every kind. Channels are kept, so that a probe costs one call and no connection."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds
        self._http = httpx2.AsyncClient(trust_env=False, timeout=timeout_seconds)
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._kinds: dict[str, Callable[[str], Awaitable[bool]]] = {
            "grpc": self._grpc,
            "http": self._web,
            "tcp": self._tcp,
        }

    async def is_up(self, part: PartSettings) -> bool:
        """Whether the part answers in time and well."""
        try:
            return await asyncio.wait_for(self._kinds[part.kind](part.address), self._timeout)
        except (OSError, TimeoutError, grpc.aio.AioRpcError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            _log.warning("part is down", part=part.name, error=type(error).__name__, detail=str(error)[:200])
            return False

    async def close(self) -> None:
        """Ends every connection."""
        await self._http.aclose()
        for channel in self._channels.values():
            await channel.close()

    async def _grpc(self, address: str) -> bool:
        if address not in self._channels:
            options = [("grpc.initial_reconnect_backoff_ms", 200), ("grpc.max_reconnect_backoff_ms", 1000)]
            self._channels[address] = grpc.aio.insecure_channel(address, options=options)
        stub = health_pb2_grpc.HealthStub(self._channels[address])
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=self._timeout)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def _web(self, address: str) -> bool:
        # A store that asks for credentials answers 403: it is there.
        return (await self._http.get(address)).status_code < _SERVER_FAULT

    async def _tcp(self, address: str) -> bool:
        host, _, port = address.rpartition(":")
        _reader, writer = await asyncio.open_connection(host, int(port))
        writer.close()
        return True
