"""Puts the catalog together. Only here are implementations chosen."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.resources import files

import httpx

from catalog_service.engine.tantivy_index import TantivyIndex
from catalog_service.service.appender import AuditAppender
from catalog_service.service.audit import AuditService
from catalog_service.service.compatibility import CompatibilityService
from catalog_service.service.datasets import DatasetService
from catalog_service.service.directory import Directory
from catalog_service.service.glossary import GlossaryService
from catalog_service.service.lineage import LineageService
from catalog_service.service.policies import PolicyService
from catalog_service.service.search import SearchService
from catalog_service.servicer import (
    AuditServicer,
    DatasetServicer,
    GlossaryServicer,
    LineageServicer,
    LogAuditSink,
    PolicyServicer,
    SearchServicer,
)
from catalog_service.settings import CatalogSettings
from catalog_service.storage.postgres import (
    PostgresAuditStore,
    PostgresDeclarationStore,
    PostgresLineageStore,
    PostgresSnapshotStore,
)
from lumbung.annotations.v1 import access_pb2
from lumbung.catalog.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    dataset_service_pb2,
    dataset_service_pb2_grpc,
    glossary_service_pb2,
    glossary_service_pb2_grpc,
    lineage_service_pb2,
    lineage_service_pb2_grpc,
    policy_service_pb2,
    policy_service_pb2_grpc,
    search_service_pb2,
    search_service_pb2_grpc,
)
from servicekit.auth import AccessRules, TokenVerifier
from servicekit.postgres import migrate, open_pool
from servicekit.server import CallInterceptor, GrpcServer

__all__ = ["start"]

_PROTOS = (
    audit_service_pb2,
    dataset_service_pb2,
    glossary_service_pb2,
    lineage_service_pb2,
    policy_service_pb2,
    search_service_pb2,
)


async def start(
    settings: CatalogSettings, http: httpx.AsyncClient | None = None
) -> list[Callable[[], Awaitable[None]]]:
    """Starts everything and returns what stops it again, in order.

    `http` fetches the issuer's keys where a caller wants its own.
    """
    await asyncio.to_thread(migrate, settings.postgres, files("catalog_service.storage") / "migrations")
    pool = await open_pool(settings.postgres)
    secret = settings.audit.checkpoint_key
    key = secret.get_secret_value().encode() if secret else b""

    declarations = PostgresDeclarationStore(pool)
    audit_store = PostgresAuditStore(pool, key)
    directory = Directory(declarations)
    appender = AuditAppender(audit_store)
    search = SearchService(TantivyIndex(), directory)
    datasets = DatasetService(declarations, PostgresSnapshotStore(pool), directory)
    lineage = LineageService(PostgresLineageStore(pool), directory)
    policies = PolicyService(declarations, directory, appender)

    appender.start()
    await directory.start()
    await search.start()

    interceptor = CallInterceptor(
        AccessRules.from_protos(_PROTOS, access_pb2.access),
        TokenVerifier(settings.auth, http),
        LogAuditSink(appender),
    )
    server = GrpcServer(settings.listen, interceptor)
    _add(
        server,
        audit_service_pb2_grpc,
        "AuditService",
        AuditServicer(AuditService(audit_store, appender, key)),
    )
    _add(
        server,
        dataset_service_pb2_grpc,
        "DatasetService",
        DatasetServicer(datasets, CompatibilityService(directory, lineage)),
    )
    _add(
        server,
        glossary_service_pb2_grpc,
        "GlossaryService",
        GlossaryServicer(GlossaryService(declarations, directory)),
    )
    _add(
        server,
        lineage_service_pb2_grpc,
        "LineageService",
        LineageServicer(lineage),
    )
    _add(server, policy_service_pb2_grpc, "PolicyService", PolicyServicer(policies))
    _add(server, search_service_pb2_grpc, "SearchService", SearchServicer(search))
    await server.start()
    return [server.stop, search.stop, directory.stop, appender.stop, pool.close]


def _add(server: GrpcServer, stubs: object, name: str, servicer: object) -> None:
    register = getattr(stubs, f"add_{name}Servicer_to_server")
    server.add(register, servicer, f"lumbung.catalog.v1.{name}")
