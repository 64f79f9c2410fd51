"""The one Serve deployment that answers for all served models, over gRPC and HTTP on its own ports."""

import resource
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from catalogclient import CatalogAuditSink
from inference_service.replica.gate import Gate, Passage, merged
from inference_service.replica.methods import SERVICE
from inference_service.replica.models import ModelSet, WantedModel
from inference_service.replica.predict import (
    feeds_from_request,
    metadata_of,
    parse_request,
    response_from_arrays,
)
from inference_service.replica.rest import SERVER_NAME, SERVER_VERSION, RestDoor
from inference_service.replica.settings import ReplicaSettings, load_replica_settings
from lake import S3ObjectStore
from lumbung.annotations.v1 import access_pb2
from lumbung.openinference import open_inference_pb2 as pb
from servicekit.auth import AccessRules, ServiceIdentity, TokenVerifier
from servicekit.errors.status import DETAILS_KEY, grpc_code
from servicekit.server import AuditSink, open_channel
from servicekit.telemetry import get_logger, setup_logging, setup_tracing

__all__ = ["DEPLOYMENT", "Predictor", "application"]

DEPLOYMENT = "predictor"

_log = get_logger(__name__)


def _audit(settings: ReplicaSettings) -> AuditSink | None:
    if settings.catalog is None or settings.identity is None:
        return None
    sink = CatalogAuditSink(open_channel(settings.catalog), ServiceIdentity(settings.identity))
    sink.start()
    return sink


class Predictor:
    """Methods are named after the protocol's RPCs; `reconfigure` brings the models that are wanted."""

    def __init__(self, settings_path: str) -> None:
        settings = load_replica_settings(Path(settings_path))
        resource.setrlimit(resource.RLIMIT_DATA, (settings.max_memory_bytes, resource.RLIM_INFINITY))
        setup_logging("inference-replica", settings.telemetry.log_level)
        setup_tracing("inference-replica", settings.telemetry)
        rules = AccessRules.from_protos([pb], access_pb2.access)
        self._settings = settings
        self._models = ModelSet(S3ObjectStore(settings.s3), settings.max_run_seconds)
        self._gate = Gate(rules, TokenVerifier(settings.auth))
        self._rest = RestDoor(self._gate, self._models, settings.max_tensor_bytes)
        self._wanted: list[WantedModel] = []

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """Loads what the configuration names; called at the start and at every deploy, without a restart."""
        if self._gate.audit is None:
            # Here, not in __init__: the audit channel belongs to the running event loop.
            self._gate.audit = _audit(self._settings)
        self._wanted = [WantedModel.model_validate(entry) for entry in config.get("models", [])]
        await self._models.apply(self._wanted)
        _log.info("models applied", models=[str(model.ref) for model in self._wanted])

    async def check_health(self) -> None:
        """Called by Serve every few seconds: loads again what could not be loaded before."""
        if self._models.incomplete:
            await self._models.apply(self._wanted)

    async def __call__(self, request: Request) -> Response:
        """The REST form."""
        return await self._rest.answer(request)

    async def ServerLive(self, request: bytes, grpc_context: Any) -> Any:  # noqa: N802
        """Whether the process is alive."""

        async def live(_request: Any, _passage: Passage) -> Any:
            return pb.ServerLiveResponse(live=True)

        return await self._answer("ServerLive", request, pb.ServerLiveRequest, live, grpc_context)

    async def ServerReady(self, request: bytes, grpc_context: Any) -> Any:  # noqa: N802
        """Whether predictions are taken."""

        async def ready(_request: Any, _passage: Passage) -> Any:
            return pb.ServerReadyResponse(ready=True)

        return await self._answer("ServerReady", request, pb.ServerReadyRequest, ready, grpc_context)

    async def ModelReady(self, request: bytes, grpc_context: Any) -> Any:  # noqa: N802
        """Whether a model takes predictions."""

        async def ready(asked: pb.ModelReadyRequest, _passage: Passage) -> Any:
            return pb.ModelReadyResponse(ready=self._models.is_ready(asked.name, asked.version))

        return await self._answer("ModelReady", request, pb.ModelReadyRequest, ready, grpc_context)

    async def ServerMetadata(self, request: bytes, grpc_context: Any) -> Any:  # noqa: N802
        """What the server is."""

        async def metadata(_request: Any, _passage: Passage) -> Any:
            return pb.ServerMetadataResponse(name=SERVER_NAME, version=SERVER_VERSION)

        return await self._answer("ServerMetadata", request, pb.ServerMetadataRequest, metadata, grpc_context)

    async def ModelMetadata(self, request: bytes, grpc_context: Any) -> Any:  # noqa: N802
        """What a model takes and gives."""

        async def metadata(asked: pb.ModelMetadataRequest, _passage: Passage) -> Any:
            return metadata_of(self._models.get(asked.name, asked.version))

        return await self._answer("ModelMetadata", request, pb.ModelMetadataRequest, metadata, grpc_context)

    async def ModelInfer(self, request: bytes, grpc_context: Any) -> Any:  # noqa: N802
        """Predicts."""

        async def infer(asked: pb.ModelInferRequest, passage: Passage) -> Any:
            passage.resource = f"models/{asked.model_name[:63]}"
            model = self._models.get(asked.model_name, asked.model_version)
            feeds, outputs, batch = feeds_from_request(asked, model, self._settings.max_tensor_bytes)
            passage.describe(model, batch)
            return response_from_arrays(asked, model, outputs, await model.run(feeds, outputs))

        return await self._answer("ModelInfer", request, pb.ModelInferRequest, infer, grpc_context)

    async def _answer(
        self,
        rpc: str,
        request: bytes,
        kind: Callable[[], Any],
        work: Callable[[Any, Passage], Awaitable[Any]],
        context: Any,
    ) -> Any:
        response = None
        async with self._gate.around(f"/{SERVICE}/{rpc}", merged(context.invocation_metadata())) as passage:
            await self._gate.admit(passage)
            response = await work(parse_request(request, kind), passage)
        status = passage.status
        if status is None:
            return response
        # Not raised: Serve would log every refusal with a traceback and lose the details.
        context.set_code(grpc_code(status))
        context.set_details(status.message)
        context.set_trailing_metadata(
            [*context.trailing_metadata(), (DETAILS_KEY, status.SerializeToString())]
        )
        return pb.ServerLiveResponse()


def application(settings_path: str, code_version: str, models: list[dict[str, Any]], replicas: int) -> Any:
    """The Serve application.

    The code version is given, not left to chance, so that a change of models alone does not restart replicas.
    """
    deployment = serve.deployment(Predictor).options(
        name=DEPLOYMENT,
        num_replicas=replicas,
        max_ongoing_requests=100,
        max_queued_requests=1000,
        user_config={"models": models},
        health_check_period_s=5,
        health_check_timeout_s=20,
        graceful_shutdown_timeout_s=5,
        graceful_shutdown_wait_loop_s=0.5,
        ray_actor_options={"num_cpus": 0},
        logging_config={"enable_access_log": False, "log_level": "WARNING"},
        version=code_version,
        _internal=True,
    )
    return deployment.bind(settings_path)
