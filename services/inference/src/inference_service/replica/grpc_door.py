"""The protocol's RPCs on the replica's own gRPC server.

Requests come as bytes and are parsed only when their sender may call, so that a stranger's garbage is UNAUTHENTICATED
like all else. Methods that are not listed are answered UNIMPLEMENTED by the server itself.
"""

import errno
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.rpc import status_pb2

from inference_service.replica.gate import Gate, Passage, merged
from inference_service.replica.models import ModelSet
from inference_service.replica.predict import (
    feeds_from_request,
    model_metadata,
    parse_request,
    response_from_arrays,
)
from inference_service.replica.settings import ListenSettings, ReplicaLimits
from lumbung.openinference import open_inference_pb2 as pb
from servicekit.errors.status import DETAILS_KEY, grpc_code

__all__ = ["SERVER_NAME", "SERVER_VERSION", "SERVICE", "GrpcDoor"]

SERVICE = "inference.GRPCInferenceService"
SERVER_NAME = "lumbung"
SERVER_VERSION = "1"

_Work = Callable[[Any, Passage], Awaitable[Any]]


def _bind(server: grpc.aio.Server, host: str, port: int) -> int:
    """The port, or 0 when another program has it."""
    try:
        return server.add_insecure_port(f"{host}:{port}")
    except RuntimeError:
        return 0


class GrpcDoor:
    """Answers over gRPC."""

    def __init__(self, gate: Gate, models: ModelSet, limits: ReplicaLimits) -> None:
        self._gate = gate
        self._models = models
        self._limits = limits
        self._server: grpc.aio.Server | None = None

    async def open(self, listen: ListenSettings) -> int:
        """Listens, and returns the port.

        Replicas that share a port do so on one machine: a new one listens before the old one ends.

        Raises:
            OSError: another program has the port, or every one of the range.
        """
        limits = self._limits
        server = grpc.aio.server(
            maximum_concurrent_rpcs=limits.max_concurrent_calls,
            options=[
                ("grpc.max_receive_message_length", limits.max_message_bytes),
                ("grpc.max_send_message_length", limits.max_message_bytes),
                ("grpc.so_reuseport", int(listen.ports == 0)),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ],
        )
        handlers = {
            "ServerLive": self._handler("ServerLive", pb.ServerLiveRequest, self._server_live),
            "ServerReady": self._handler("ServerReady", pb.ServerReadyRequest, self._server_ready),
            "ModelReady": self._handler("ModelReady", pb.ModelReadyRequest, self._model_ready),
            "ServerMetadata": self._handler(
                "ServerMetadata", pb.ServerMetadataRequest, self._server_metadata
            ),
            "ModelMetadata": self._handler("ModelMetadata", pb.ModelMetadataRequest, self._model_metadata),
            "ModelInfer": self._handler("ModelInfer", pb.ModelInferRequest, self._model_infer),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        first = listen.grpc_port
        bound = next(
            filter(None, (_bind(server, listen.host, first + i) for i in range(listen.ports or 1))), 0
        )
        if bound == 0:
            place = f"{listen.host}:{first}" + (f" to {first + listen.ports - 1}" if listen.ports else "")
            raise OSError(errno.EADDRINUSE, f"Cannot listen on {place}: does another program have it?")
        await server.start()
        self._server = server
        return bound

    async def close(self) -> None:
        """Takes no more calls, and gives those under way the time of the longest call to end."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(self._limits.max_call_seconds)

    def _handler(self, rpc: str, kind: Callable[[], Any], work: _Work) -> Any:
        method = f"/{SERVICE}/{rpc}"
        gate = self._gate

        async def answer(content: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            async def run(passage: Passage) -> bytes:
                answered: bytes = (await work(parse_request(content, kind), passage)).SerializeToString()
                return answered

            passage = Passage(method, merged(context.invocation_metadata() or ()), context.time_remaining)
            answered = await gate.call(passage, run)
            if isinstance(answered, status_pb2.Status):
                details = ((DETAILS_KEY, answered.SerializeToString()),)
                await context.abort(grpc_code(answered), answered.message, details)
            return answered

        return grpc.unary_unary_rpc_method_handler(answer)

    async def _server_live(self, _asked: Any, _passage: Passage) -> Any:
        return pb.ServerLiveResponse(live=True)

    async def _server_ready(self, _asked: Any, _passage: Passage) -> Any:
        return pb.ServerReadyResponse(ready=True)

    async def _server_metadata(self, _asked: Any, _passage: Passage) -> Any:
        return pb.ServerMetadataResponse(name=SERVER_NAME, version=SERVER_VERSION)

    async def _model_ready(self, asked: pb.ModelReadyRequest, _passage: Passage) -> Any:
        return pb.ModelReadyResponse(ready=self._models.model_ready(asked.name, asked.version))

    async def _model_metadata(self, asked: pb.ModelMetadataRequest, _passage: Passage) -> Any:
        return model_metadata(self._models.get(asked.name, asked.version))

    async def _model_infer(self, asked: pb.ModelInferRequest, passage: Passage) -> Any:
        name = asked.model_name
        passage.resource = f"models/{name[:63]}"
        model = self._models.get(name, asked.model_version)
        feeds, outputs, batch = feeds_from_request(asked, model, self._limits.max_tensor_bytes)
        passage.describe(model, batch)
        return response_from_arrays(asked, model, outputs, await model.run(feeds, outputs))
