"""The one Serve deployment that answers for all served models, over gRPC and HTTP on servers of its own.

Ray Serve places replicas, starts and replaces them, watches them and tells them which models are wanted. Predictions do
not pass through it: decision record 0008 says what that saves.
"""

import inference_service.replica.metrics_folder  # noqa: F401 (before the first import of what counts)

# isort: split
import asyncio
import resource
from pathlib import Path
from typing import Any

import ray
from ray import serve

from catalogclient import CatalogAuditSink
from inference_service.ray_loopback import keep_replica_on_loopback
from inference_service.replica.gate import Gate
from inference_service.replica.grpc_door import GrpcDoor
from inference_service.replica.http_door import HttpDoor
from inference_service.replica.models import ModelSet, WantedModel
from inference_service.replica.reporter import Reporter
from inference_service.replica.rest import RestDoor
from inference_service.replica.settings import ReplicaSettings, load_replica_settings
from lake import S3ObjectStore
from lumbung.annotations.v1 import access_pb2
from lumbung.openinference import open_inference_pb2 as pb
from servicekit.auth import AccessRules, ServiceIdentity, TokenVerifier
from servicekit.server import open_channel
from servicekit.telemetry import get_logger, setup_logging, setup_tracing

__all__ = ["DEPLOYMENT", "Predictor", "application"]

DEPLOYMENT = "predictor"
AUDIT_SECONDS = 5.0
# Beyond the longest call and the last audit records: after this Serve kills a replica that does not end.
SHUTDOWN_MARGIN_SECONDS = 5.0

_log = get_logger(__name__)


def _audit(settings: ReplicaSettings) -> CatalogAuditSink | None:
    if settings.catalog is None or settings.identity is None:
        return None
    sink = CatalogAuditSink(open_channel(settings.catalog), ServiceIdentity(settings.identity))
    sink.start()
    return sink


class Predictor:
    """A replica. `reconfigure`, `check_health` and the destructor are what Serve calls."""

    def __init__(self, settings_path: str) -> None:
        settings = load_replica_settings(Path(settings_path))
        limits = settings.limits
        resource.setrlimit(resource.RLIMIT_DATA, (limits.max_memory_bytes, resource.RLIM_INFINITY))
        setup_logging("inference-replica", settings.telemetry.log_level)
        self._tracing = setup_tracing("inference-replica", settings.telemetry)
        if settings.ray_on_loopback:
            keep_replica_on_loopback()
        self._settings = settings
        self._models = ModelSet(S3ObjectStore(settings.s3), limits.max_run_seconds)
        self._wanted: list[WantedModel] = []
        self._audit: CatalogAuditSink | None = None
        self._grpc: GrpcDoor | None = None
        self._http: HttpDoor | None = None
        self._reporter: Reporter | None = None

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """Loads what the configuration names; called at the start and at every deploy, without a restart."""
        self._wanted = [WantedModel.model_validate(entry) for entry in config.get("models", [])]
        await self._models.apply(self._wanted)
        _log.info("models applied", models=[str(model.ref) for model in self._wanted])
        if self._grpc is None:
            await self._open()

    async def _open(self) -> None:
        """Listens, with the models loaded: the replica before this one may still answer on the same ports."""
        settings = self._settings
        self._audit = _audit(settings)
        gate = Gate(
            AccessRules.from_protos([pb], access_pb2.access),
            TokenVerifier(settings.auth),
            settings.limits.max_call_seconds,
            self._audit,
        )
        self._http = HttpDoor(RestDoor(gate, self._models, settings.limits.max_tensor_bytes), settings.limits)
        http_port = await self._http.open(settings.listen)
        self._grpc = GrpcDoor(gate, self._models, settings.limits)
        grpc_port = await self._grpc.open(settings.listen)
        if settings.report is not None and settings.identity is not None:
            identity = ServiceIdentity(settings.identity)
            self._reporter = Reporter(settings.report, identity, _own_address(), grpc_port, http_port)
            self._reporter.start()

    async def check_health(self) -> None:
        """Called by Serve every few seconds, on the event loop that predicts: one that hangs is replaced.

        Loads again what could not be loaded before.

        Raises:
            RuntimeError: the HTTP server has ended.
        """
        if self._http is not None and self._http.ended:
            raise RuntimeError("the HTTP server has ended")
        if self._models.incomplete:
            await self._models.apply(self._wanted)

    async def __del__(self) -> None:  # Serve awaits a destructor, once, before it ends the replica
        """Takes no more calls, lets those under way end, and sends what the audit log has not had yet."""
        if self._reporter is not None:
            await self._reporter.leave()
        doors = [door.close() for door in (self._grpc, self._http) if door is not None]
        await asyncio.gather(*doors, return_exceptions=True)
        if self._audit is not None:
            await self._audit.stop(AUDIT_SECONDS)
        await asyncio.to_thread(self._tracing.force_flush, 1000)


def _own_address() -> str:
    """Of the node, as the others reach it; IPv6 in brackets."""
    address = ray.util.get_node_ip_address()
    return f"[{address}]" if ":" in address else address


def application(settings_path: str, order: dict[str, Any]) -> Any:
    """The Serve application of an order.

    The code version is given, not left to chance, so that a change of models alone does not restart replicas.
    """
    per_node = order["per_node"]
    deployment = serve.deployment(Predictor).options(
        name=DEPLOYMENT,
        num_replicas=order["replicas"],
        # A replica is replaced by one that answers already; where each node has one, one node after the other.
        max_surge_percent=0 if per_node else 100,
        max_replicas_per_node=1 if per_node else None,
        user_config={"models": order["models"]},
        health_check_period_s=5,
        health_check_timeout_s=20,
        graceful_shutdown_timeout_s=(
            order["call_seconds"] + order["leave_seconds"] + AUDIT_SECONDS + SHUTDOWN_MARGIN_SECONDS
        ),
        graceful_shutdown_wait_loop_s=0.1,
        ray_actor_options={"num_cpus": 0},
        logging_config={"enable_access_log": False, "log_level": "WARNING"},
        version=order["code_version"],
        _internal=True,
    )
    return deployment.bind(settings_path)
