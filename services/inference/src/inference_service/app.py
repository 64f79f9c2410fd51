"""Chooses the implementations and puts the service together."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files

from catalogclient import CatalogAuditSink, CatalogClient
from inference_service.clients.catalog import CatalogLineageRecorder
from inference_service.clients.ingress import IngressProbe
from inference_service.engine.inspector import SubprocessInspector
from inference_service.executor.ray_serve import RayServeExecutor
from inference_service.replica.settings import ReplicaSettings, replica_document
from inference_service.service.deployments import DeploymentService
from inference_service.service.registry import RegistryService
from inference_service.servicer import ModelServicer
from inference_service.settings import InferenceSettings
from inference_service.storage.postgres import PostgresRegistryStore
from lake import S3ObjectStore, wait_for_bucket
from lumbung.annotations.v1 import access_pb2
from lumbung.inference.v1 import model_service_pb2, model_service_pb2_grpc
from servicekit.auth import AccessRules, ServiceIdentity, TokenVerifier
from servicekit.postgres import migrate, open_pool
from servicekit.server import CallInterceptor, GrpcServer, open_channel

__all__ = ["start"]

Stopper = Callable[[], Awaitable[None]]


def _replica_settings(settings: InferenceSettings) -> str:
    return replica_document(
        ReplicaSettings(
            auth=settings.auth,
            listen=settings.ray.listen,
            ray_on_loopback=settings.ray.loopback,
            s3=settings.lake.s3,
            telemetry=settings.telemetry,
            catalog=settings.catalog,
            identity=settings.identity,
            limits=settings.limits.replica,
        )
    )


async def start(settings: InferenceSettings) -> Sequence[Stopper]:
    """Starts everything and returns what stops it, in order."""
    await asyncio.to_thread(migrate, settings.postgres, files("inference_service.storage") / "migrations")
    pool = await open_pool(settings.postgres)
    objects = S3ObjectStore(settings.lake.s3)
    await asyncio.to_thread(wait_for_bucket, objects, settings.lake.s3.wait_seconds)
    identity = ServiceIdentity(settings.identity)
    catalog_channel = open_channel(settings.catalog)
    ingress_channel = open_channel(settings.ray.ingress)
    audit = CatalogAuditSink(catalog_channel, identity)
    audit.start()

    store = PostgresRegistryStore(pool)
    executor = RayServeExecutor(
        settings.ray, _replica_settings(settings), settings.limits.replica.max_call_seconds
    )
    executor.write_replica_settings()
    registry = RegistryService(
        store,
        objects,
        SubprocessInspector(settings.limits.inspection_memory_bytes, settings.limits.inspection_seconds),
        CatalogLineageRecorder(CatalogClient(catalog_channel, identity, settings.catalog.timeout_seconds)),
    )
    deployments = DeploymentService(
        store, executor, IngressProbe(ingress_channel, identity), settings.limits.deploy_seconds
    )
    loop = asyncio.create_task(deployments.reconcile_forever(settings.limits.reconcile_seconds))

    rules = AccessRules.from_protos([model_service_pb2], access_pb2.access)
    server = GrpcServer(settings.listen, CallInterceptor(rules, TokenVerifier(settings.auth), audit))
    server.add(
        model_service_pb2_grpc.add_ModelServiceServicer_to_server,
        ModelServicer(registry, deployments),
        "lumbung.inference.v1.ModelService",
    )
    await server.start()

    async def end_loop() -> None:
        loop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loop

    return [server.stop, end_loop, audit.stop, catalog_channel.close, ingress_channel.close, pool.close]
