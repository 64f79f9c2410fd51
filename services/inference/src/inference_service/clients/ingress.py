"""Asks the replica itself, over the Open Inference Protocol."""

import grpc
from typing_extensions import override

from inference_service.clients.ports import PredictionProbe
from inference_service.domain.names import VersionRef
from lumbung.openinference import open_inference_pb2 as pb
from lumbung.openinference import open_inference_pb2_grpc as pb_grpc
from servicekit.auth import ServiceIdentity
from servicekit.errors import UnavailableError
from servicekit.telemetry import client_metadata

__all__ = ["IngressProbe"]

SECONDS = 3.0


class IngressProbe(PredictionProbe):
    """Calls with the service's own token; whatever fails counts as not ready."""

    def __init__(self, channel: grpc.aio.Channel, identity: ServiceIdentity) -> None:
        self._stub = pb_grpc.GRPCInferenceServiceStub(channel)
        self._identity = identity

    async def _metadata(self) -> tuple[tuple[str, str], ...]:
        return client_metadata(await self._identity.metadata())

    @override
    async def alive(self) -> bool:
        try:
            answer = await self._stub.ServerLive(
                pb.ServerLiveRequest(), metadata=await self._metadata(), timeout=SECONDS
            )
        except (grpc.aio.AioRpcError, UnavailableError):
            return False
        return bool(answer.live)

    @override
    async def ready(self, ref: VersionRef) -> bool:
        return await self._ready(ref.model, str(ref.version))

    @override
    async def serves(self, model: str) -> bool:
        return await self._ready(model, "")

    async def _ready(self, model: str, version: str) -> bool:
        try:
            answer = await self._stub.ModelReady(
                pb.ModelReadyRequest(name=model, version=version),
                metadata=await self._metadata(),
                timeout=SECONDS,
            )
        except (grpc.aio.AioRpcError, UnavailableError):
            return False
        return bool(answer.ready)

    @override
    async def failure(self, ref: VersionRef) -> str | None:
        try:
            await self._stub.ModelMetadata(
                pb.ModelMetadataRequest(name=ref.model, version=str(ref.version)),
                metadata=await self._metadata(),
                timeout=SECONDS,
            )
        except grpc.aio.AioRpcError as error:
            return error.details() if error.code() is grpc.StatusCode.FAILED_PRECONDITION else None
        except UnavailableError:
            return None
        return None
