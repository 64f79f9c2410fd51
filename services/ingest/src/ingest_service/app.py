"""Puts the service together: the only place that chooses implementations."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib.resources import files
from typing import Any

from psycopg import AsyncConnection

from catalogclient import CatalogAuditSink, CatalogClient
from ingest_service.clients import CatalogServiceClient
from ingest_service.domain.source_declaration import parse_source
from ingest_service.executor.extraction import ProcessExtractor
from ingest_service.executor.places import Places
from ingest_service.executor.queue import Task, WorkQueue, prepare_queue
from ingest_service.executor.topics import ProcessTopics
from ingest_service.executor.validator import ProcessValidator
from ingest_service.service.comparison import ComparisonService
from ingest_service.service.contracts import ContractService
from ingest_service.service.corrections import Corrections
from ingest_service.service.processing import ProcessingService
from ingest_service.service.reports import ReportService
from ingest_service.service.reverting import Reverting
from ingest_service.service.review import ReviewService
from ingest_service.service.source_runs import SourceRunService
from ingest_service.service.sources import SourceService
from ingest_service.service.submissions import SubmissionService
from ingest_service.service.topic_runs import TopicRunService
from ingest_service.service.uploads import UploadService
from ingest_service.servicer import ContractServicer, SourceServicer, SubmissionServicer, UploadServicer
from ingest_service.settings import IngestSettings
from ingest_service.storage.comparison import LakeComparisonStore
from ingest_service.storage.objects import ObjectChunkStore
from ingest_service.storage.postgres_sources import PostgresSourceStore, declared
from ingest_service.storage.postgres_submissions import PostgresSubmissionStore
from ingest_service.storage.postgres_uploads import PostgresUploadStore
from ingest_service.storage.publications import LakePublicationStore
from ingest_service.storage.source_tables import LakeSourceTables
from ingest_service.storage.staged import StagedStore
from ingest_service.storage.tables import LakeTableStore
from ingest_service.storage.topic_tables import LakeTopicTables
from ingest_service.storage.workspace import Workspace
from lake import Lake
from lumbung.annotations.v1 import access_pb2
from lumbung.ingest.v1 import (
    contract_service_pb2,
    contract_service_pb2_grpc,
    source_service_pb2,
    source_service_pb2_grpc,
    submission_service_pb2,
    submission_service_pb2_grpc,
    upload_service_pb2,
    upload_service_pb2_grpc,
)
from servicekit.auth import AccessRules, ServiceIdentity, TokenVerifier
from servicekit.postgres import migrate, open_pool
from servicekit.server import CallInterceptor, GrpcServer, open_channel
from servicekit.telemetry import get_logger, queue_measurement

__all__ = ["start"]

_log = get_logger(__name__)
_EXPIRE_SECONDS = 60.0
# Where runs of a kind of source are queued: those of topics last.
_QUEUES = {"sql": "source_runs", "kafka": "topic_runs"}


async def start(
    settings: IngestSettings, verifier: TokenVerifier | None = None
) -> Sequence[Callable[[], Awaitable[None]]]:
    """Starts everything; gives back what stops it again, in order."""
    await asyncio.to_thread(migrate, settings.postgres, files("ingest_service.storage") / "migrations")
    await asyncio.to_thread(prepare_queue, settings.postgres)
    lake = await asyncio.to_thread(Lake.open, settings.lake)
    pool = await open_pool(settings.postgres)
    channel = open_channel(settings.catalog)
    identity = ServiceIdentity(settings.identity)
    catalog = CatalogServiceClient(CatalogClient(channel, identity, settings.catalog.timeout_seconds))
    audit = CatalogAuditSink(channel, identity)
    chunks, tables = ObjectChunkStore(lake.objects), LakeTableStore(lake)
    workspace = Workspace(settings.validation.work_dir)
    await asyncio.to_thread(workspace.clean)

    jobs, topics = settings.jobs, settings.sources.topics
    queue = WorkQueue(
        settings.postgres,
        jobs,
        [
            Task(
                "submissions",
                "process_submission",
                "submission_id",
                lambda submission, last: processing.process_submission(submission, last_attempt=last),
                jobs.concurrency,
            ),
            Task(
                "source_runs",
                "process_source_run",
                "run_id",
                lambda run, last: source_runs.process_run(run, last_attempt=last),
                settings.sources.concurrency,
            ),
            Task(
                "topic_runs",
                "process_topic_run",
                "run_id",
                lambda run, _last: topic_runs.process_run(run),
                topics.concurrency,
            ),
        ],
    )

    async def enqueue_run(connection: AsyncConnection[Any], source: str, run_id: str) -> None:
        kind = parse_source(await declared(connection, source)).type
        await queue.enqueue(_QUEUES[kind], connection, run_id, lock=f"sources/{source}")

    enqueue = partial(queue.enqueue, "submissions")
    uploads, submissions = PostgresUploadStore(pool, enqueue), PostgresSubmissionStore(pool, enqueue)
    sources = PostgresSourceStore(pool, enqueue_run)
    places = Places(settings.sources)
    extractor = ProcessExtractor(settings.sources, places)
    publications, staged = LakePublicationStore(lake), StagedStore(lake.objects)
    corrections = Corrections(submissions, publications, tables)
    reverting = Reverting(submissions, publications, catalog)
    validator = ProcessValidator(settings.validation)
    processing = ProcessingService(
        submissions,
        uploads,
        chunks,
        tables,
        catalog,
        validator,
        workspace,
        settings.validation.limits,
        staged,
        corrections,
        reverting,
    )
    source_runs = SourceRunService(
        sources,
        tables,
        LakeSourceTables(lake, tables),
        catalog,
        extractor,
        validator,
        workspace,
        settings.validation.limits,
    )
    topic_runs = TopicRunService(
        sources,
        tables,
        LakeTopicTables(lake, tables),
        catalog,
        ProcessTopics(settings.sources, places),
        validator,
        workspace,
        settings.validation.limits,
        catalog_seconds=topics.catalog_seconds,
    )
    source_service = SourceService(sources, catalog, places)
    submission_service = SubmissionService(submissions, chunks, tables, catalog)
    contract_service = ContractService(validator, workspace, settings.proposals, settings.validation.limits)
    upload_service = UploadService(
        uploads, chunks, catalog, settings.uploads, submission_service, corrections
    )
    server = _server(
        settings,
        CallInterceptor(_rules(), verifier or TokenVerifier(settings.auth), audit),
        UploadServicer(upload_service),
        SubmissionServicer(
            submission_service,
            ReviewService(submissions, submission_service, catalog, reverting, staged, chunks),
            ReportService(submission_service, catalog, tables, corrections),
            ComparisonService(submission_service, catalog, publications, LakeComparisonStore(lake, staged)),
        ),
        ContractServicer(contract_service),
        SourceServicer(source_service),
    )
    audit.start()
    await validator.start()
    await queue.start()
    expiry = asyncio.create_task(_expire(upload_service))
    measurement = queue_measurement("submissions", settings.queue_metrics, submissions.queue_state)
    measurement.start()
    await server.start()

    async def stop_expiry() -> None:
        expiry.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await expiry

    async def close() -> None:
        await channel.close()
        await pool.close()
        await asyncio.to_thread(lake.close)

    return [server.stop, stop_expiry, measurement.stop, queue.stop, validator.close, audit.stop, close]


async def _expire(uploads: UploadService) -> None:
    while True:
        try:
            await uploads.expire_uploads()
        except Exception as error:  # noqa: BLE001 - the next round tries again
            _log.warning("giving up old uploads failed", cause=str(error))
        await asyncio.sleep(_EXPIRE_SECONDS)


def _rules() -> AccessRules:
    services = [upload_service_pb2, submission_service_pb2, contract_service_pb2, source_service_pb2]
    return AccessRules.from_protos(services, access_pb2.access)


def _server(
    settings: IngestSettings,
    interceptor: CallInterceptor,
    uploads: UploadServicer,
    submissions: SubmissionServicer,
    contracts: ContractServicer,
    sources: SourceServicer,
) -> GrpcServer:
    server = GrpcServer(settings.listen, interceptor)
    for add, servicer, name in (
        (
            upload_service_pb2_grpc.add_UploadServiceServicer_to_server,
            uploads,
            "UploadService",
        ),
        (
            submission_service_pb2_grpc.add_SubmissionServiceServicer_to_server,
            submissions,
            "SubmissionService",
        ),
        (
            contract_service_pb2_grpc.add_ContractServiceServicer_to_server,
            contracts,
            "ContractService",
        ),
        (
            source_service_pb2_grpc.add_SourceServiceServicer_to_server,
            sources,
            "SourceService",
        ),
    ):
        server.add(add, servicer, f"lumbung.ingest.v1.{name}")
    return server
