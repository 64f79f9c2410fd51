"""Puts the service together. Only here implementations are chosen."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from importlib.resources import files

from catalogclient import CatalogAuditSink, CatalogClient
from compute_service.domain.query import QueryLimits
from compute_service.engine.pool import ProcessPool
from compute_service.executor.dask_executor import DaskExecutor
from compute_service.executor.expressions import check_expression
from compute_service.executor.lake_tables import LakeTables
from compute_service.executor.per_run_executor import PerRunExecutor
from compute_service.executor.run_clusters import KubernetesRunClusters
from compute_service.executor.run_tables import LakeRunTables
from compute_service.ports.outside import TaskExecutor
from compute_service.ports.stores import RunStore
from compute_service.service.lakehealth import LakeHealthView
from compute_service.service.leftovers import Leftovers
from compute_service.service.pipelines import PipelineService
from compute_service.service.queries import QueryService
from compute_service.service.recovery import Recovery
from compute_service.service.runner import RunLimits, Runner
from compute_service.servicer.pipeline import PipelineServicer
from compute_service.servicer.query import QueryServicer
from compute_service.settings import ComputeSettings, PipelineSettings
from compute_service.storage.postgres import PostgresPipelineStore, PostgresRunStore
from compute_service.storage.queue import ProcrastinateRunQueue
from lake import Lake
from lumbung.annotations.v1 import access_pb2
from lumbung.compute.v1 import (
    pipeline_service_pb2,
    pipeline_service_pb2_grpc,
    query_service_pb2,
    query_service_pb2_grpc,
)
from servicekit.auth import AccessRules, ServiceIdentity, TokenVerifier
from servicekit.postgres import migrate, open_pool
from servicekit.server import CallInterceptor, GrpcServer, open_channel
from servicekit.telemetry import Measurement, queue_measurement

__all__ = ["start"]

Stop = Callable[[], Awaitable[None]]
#: A cluster may outlive the longest run by so much before the operator removes it.
_GRACE = timedelta(minutes=10)


async def start(settings: ComputeSettings) -> Sequence[Stop]:
    """Builds and starts everything; returns what stops it again, in order."""
    await asyncio.to_thread(migrate, settings.postgres, files("compute_service.storage") / "migrations")
    pool = await open_pool(settings.postgres)
    lake = await asyncio.to_thread(Lake.open, settings.lake)
    channel = open_channel(settings.catalog)
    identity = ServiceIdentity(settings.identity)
    catalog = CatalogClient(channel, identity, settings.catalog.timeout_seconds)
    audit = CatalogAuditSink(channel, identity)
    audit.start()

    engine = ProcessPool(settings.lake, settings.query, settings.telemetry.log_level)
    await engine.start()
    queries = QueryService(engine, catalog, _query_limits(settings))

    runs = PostgresRunStore(pool, settings.postgres)
    declared = settings.pipelines
    queue = ProcrastinateRunQueue(
        settings.postgres, declared.concurrent, declared.heartbeat_seconds, declared.stalled_seconds
    )
    await queue.open()
    pipelines = PipelineService(PostgresPipelineStore(pool), runs, queue, catalog, check_expression)
    executor, leftovers = _executor(settings, runs)
    runner = Runner(
        runs,
        LakeRunTables(lake),
        catalog,
        executor,
        check_expression,
        _run_limits(declared),
    )
    queue.start(runner.execute_run)
    recovery = Recovery(runs, queue, declared.heartbeat_seconds)
    recovery.start()
    if leftovers is not None:
        leftovers.start()
    measurements = [
        queue_measurement("runs", settings.queue_metrics, runs.queue_state),
        _lake_health(settings, lake),
    ]
    for measurement in measurements:
        measurement.start()

    rules = AccessRules.from_protos([query_service_pb2, pipeline_service_pb2], access_pb2.access)
    server = GrpcServer(settings.listen, CallInterceptor(rules, TokenVerifier(settings.auth), audit))
    server.add(
        query_service_pb2_grpc.add_QueryServiceServicer_to_server,
        QueryServicer(queries),
        "lumbung.compute.v1.QueryService",
    )
    server.add(
        pipeline_service_pb2_grpc.add_PipelineServiceServicer_to_server,
        PipelineServicer(pipelines),
        "lumbung.compute.v1.PipelineService",
    )
    await server.start()

    async def close_lake() -> None:
        await asyncio.to_thread(lake.close)

    async def close_channel() -> None:
        await channel.close()

    return [
        server.stop,
        *([leftovers.stop] if leftovers is not None else []),
        *(measurement.stop for measurement in measurements),
        recovery.stop,
        queue.stop,
        engine.stop,
        audit.stop,
        close_channel,
        close_lake,
        pool.close,
    ]


def _executor(settings: ComputeSettings, runs: RunStore) -> tuple[TaskExecutor, Leftovers | None]:
    """Where tasks run, and who clears up behind them where that is needed."""
    dask = settings.dask
    if dask.mode == "static" or dask.run_cluster is None:
        return DaskExecutor(dask), None
    # Only in the image of this service: the extra `kubernetes`.
    from compute_service.clients.kubernetes import Kr8sKubernetes, pod_namespace  # noqa: PLC0415

    lifetime = timedelta(seconds=settings.pipelines.max_run_seconds) + _GRACE
    clusters = KubernetesRunClusters(dask.run_cluster, Kr8sKubernetes(pod_namespace()), lifetime)
    return PerRunExecutor(dask, clusters), Leftovers(runs, clusters, dask.run_cluster.sweep_seconds)


def _lake_health(settings: ComputeSettings, lake: Lake) -> Measurement:
    declared = settings.lake_health
    tables = LakeTables(lake, declared.small_file_bytes)
    view = LakeHealthView(tables, declared.expected_hours, declared.max_tables)
    return Measurement("lake", declared, view.measure)


def _run_limits(settings: PipelineSettings) -> RunLimits:
    return RunLimits(
        rows_per_partition=settings.rows_per_partition,
        streamed_rows_per_partition=settings.streamed_rows_per_partition,
        attempts=settings.attempts,
        retry_seconds=settings.retry_seconds,
        max_run_seconds=settings.max_run_seconds,
    )


def _query_limits(settings: ComputeSettings) -> QueryLimits:
    query = settings.query
    return QueryLimits(
        max_rows=query.max_rows,
        max_result_bytes=query.max_result_bytes,
        memory_bytes=query.memory_bytes,
        wall_seconds=query.wall_seconds,
        cpu_seconds=query.cpu_seconds,
        temp_bytes=query.temp_bytes,
        threads=query.threads,
    )
