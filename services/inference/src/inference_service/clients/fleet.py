"""Asks every replica that is known, each at its own address."""

import asyncio
from collections.abc import Callable, Sequence

import grpc
from typing_extensions import override

from inference_service.clients.ingress import IngressProbe
from inference_service.clients.ports import PredictionProbe
from inference_service.domain.names import VersionRef
from servicekit.auth import ServiceIdentity
from servicekit.server import open_channel
from servicekit.settings import PeerSettings

__all__ = ["FleetProbe"]


class FleetProbe(PredictionProbe):
    """What holds for all replicas holds; without a replica nothing does."""

    def __init__(self, addresses: Callable[[], Sequence[str]], identity: ServiceIdentity) -> None:
        """`addresses` gives `host:port` of the gRPC servers of all replicas that take calls."""
        self._addresses = addresses
        self._identity = identity
        self._open: dict[str, tuple[grpc.aio.Channel, IngressProbe]] = {}

    async def close(self) -> None:
        """Closes every channel."""
        for channel, _ in self._open.values():
            await channel.close()
        self._open.clear()

    async def _probes(self) -> list[IngressProbe]:
        addresses = self._addresses()
        for gone in self._open.keys() - set(addresses):
            await self._open.pop(gone)[0].close()
        for address in addresses:
            if address not in self._open:
                channel = open_channel(PeerSettings(target=address))
                self._open[address] = channel, IngressProbe(channel, self._identity)
        return [self._open[address][1] for address in addresses]

    @override
    async def alive(self) -> bool:
        return _all(await asyncio.gather(*(probe.alive() for probe in await self._probes())))

    @override
    async def ready(self, ref: VersionRef) -> bool:
        return _all(await asyncio.gather(*(probe.ready(ref) for probe in await self._probes())))

    @override
    async def serves(self, model: str) -> bool:
        return any(await asyncio.gather(*(probe.serves(model) for probe in await self._probes())))

    @override
    async def failure(self, ref: VersionRef) -> str | None:
        causes = await asyncio.gather(*(probe.failure(ref) for probe in await self._probes()))
        return next((cause for cause in causes if cause is not None), None)


def _all(answers: Sequence[bool]) -> bool:
    return bool(answers) and all(answers)
