"""Chooses the implementations and puts the service together."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files

from catalogclient import CatalogAuditSink, CatalogClient
from inference_service.clients.catalog import CatalogLineageRecorder
from inference_service.clients.fleet import FleetProbe
from inference_service.discovery.server import DiscoveryServer
from inference_service.engine.inspector import SubprocessInspector
from inference_service.executor.ray_serve import RayServeExecutor
from inference_service.service.deployments import DeploymentService
from inference_service.service.registry import RegistryService
from inference_service.service.replicas import ReplicaService
from inference_service.servicer import ModelServicer, ReplicaServicer
from inference_service.settings import InferenceSettings, replica_settings
from inference_service.storage.postgres import PostgresRegistryStore
from inference_service.storage.replica_directory import ReplicaDirectory
from lake import S3ObjectStore, wait_for_bucket
from lumbung.annotations.v1 import access_pb2
from lumbung.inference.v1 import (
    model_service_pb2,
    model_service_pb2_grpc,
    replica_service_pb2,
    replica_service_pb2_grpc,
)
from servicekit.auth import AccessRules, ServiceIdentity, TokenVerifier
from servicekit.postgres import migrate, open_pool
from servicekit.server import CallInterceptor, GrpcServer, open_channel

__all__ = ["start"]

Stopper = Callable[[], Awaitable[None]]


def _addresses(settings: InferenceSettings, directory: ReplicaDirectory) -> Callable[[], Sequence[str]]:
    """Where the replicas answer: all at one place, or on several nodes each where it said."""
    if settings.ray.workers is None:
        return lambda: [settings.ray.ingress.target]
    return lambda: [replica.grpc_address for replica in directory.serving()]


async def start(settings: InferenceSettings) -> Sequence[Stopper]:
    """Starts everything and returns what stops it, in order."""
    await asyncio.to_thread(migrate, settings.postgres, files("inference_service.storage") / "migrations")
    pool = await open_pool(settings.postgres)
    objects = S3ObjectStore(settings.lake.s3)
    await asyncio.to_thread(wait_for_bucket, objects, settings.lake.s3.wait_seconds)
    identity = ServiceIdentity(settings.identity)
    catalog_channel = open_channel(settings.catalog)
    audit = CatalogAuditSink(catalog_channel, identity)
    audit.start()

    store = PostgresRegistryStore(pool)
    executor = RayServeExecutor(
        settings.ray, replica_settings(settings), settings.limits.replica.max_call_seconds
    )
    executor.write_replica_settings()
    registry = RegistryService(
        store,
        objects,
        SubprocessInspector(settings.limits.inspection_memory_bytes, settings.limits.inspection_seconds),
        CatalogLineageRecorder(CatalogClient(catalog_channel, identity, settings.catalog.timeout_seconds)),
    )
    directory = ReplicaDirectory(settings.ray.discovery.lease_seconds)
    probe = FleetProbe(_addresses(settings, directory), identity)
    deployments = DeploymentService(store, executor, probe, settings.limits.deploy_seconds)
    loop = asyncio.create_task(deployments.reconcile_forever(settings.limits.reconcile_seconds))

    rules = AccessRules.from_protos([model_service_pb2, replica_service_pb2], access_pb2.access)
    server = GrpcServer(settings.listen, CallInterceptor(rules, TokenVerifier(settings.auth), audit))
    server.add(
        model_service_pb2_grpc.add_ModelServiceServicer_to_server,
        ModelServicer(registry, deployments),
        "lumbung.inference.v1.ModelService",
    )
    server.add(
        replica_service_pb2_grpc.add_ReplicaServiceServicer_to_server,
        ReplicaServicer(ReplicaService(directory, settings.identity.client_id)),
        "lumbung.inference.v1.ReplicaService",
    )
    await server.start()
    discovery = DiscoveryServer(directory)
    if settings.ray.workers is not None:
        await discovery.start(settings.ray.discovery.host, settings.ray.discovery.port)

    async def end_loop() -> None:
        loop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loop

    return [server.stop, discovery.stop, end_loop, audit.stop, catalog_channel.close, probe.close, pool.close]
