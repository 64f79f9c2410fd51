"""A small catalog in memory behind the real protos, for tests of one service.

The catalog allows what its lists say and remembers what it is told; it checks no tokens.
"""

from dataclasses import dataclass, field

import grpc

from lumbung.catalog.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    dataset_service_pb2,
    dataset_service_pb2_grpc,
    lineage_service_pb2,
    lineage_service_pb2_grpc,
    policy_service_pb2,
    policy_service_pb2_grpc,
)

from support.ports import free_port

__all__ = ["FakeCatalog"]


@dataclass
class FakeCatalog:
    """Declarations by dataset id; `writers` and `readers` are usernames (empty: everybody)."""

    declarations: dict[str, str] = field(default_factory=dict)
    revision: int = 1
    writers: set[str] = field(default_factory=set)
    readers: set[str] = field(default_factory=set)
    available: bool = True
    refused_snapshots: int = 0  # so many times it is away when it is told of a snapshot
    snapshots: dict[str, dataset_service_pb2.RecordSnapshotRequest] = field(default_factory=dict)
    edges: set[tuple[str, str, str, str]] = field(default_factory=set)
    audit: list[audit_service_pb2.AuditEntry] = field(default_factory=list)
    decisions: list[policy_service_pb2.DecideAccessRequest] = field(default_factory=list)
    target: str = ""

    async def start(self) -> grpc.aio.Server:
        """Listens on a free loopback port."""
        catalog = self

        class Policies(policy_service_pb2_grpc.PolicyServiceServicer):
            async def DecideAccess(self, request, context):
                await catalog._check(context)
                catalog.decisions.append(request)
                answers = []
                for resource in request.resources:
                    dataset = resource.partition("/")[2]
                    allowed = catalog.writers if request.action == "write" else catalog.readers
                    may = dataset in catalog.declarations and (
                        not allowed or request.caller.username in allowed
                    )
                    answers.append(
                        policy_service_pb2.AccessDecision(
                            resource=resource, allowed=may, policy_version="1", ask="steward-pusat"
                        )
                    )
                return policy_service_pb2.DecideAccessResponse(decisions=answers)

        class Datasets(dataset_service_pb2_grpc.DatasetServiceServicer):
            async def GetDataset(self, request, context):
                await catalog._check(context)
                text = catalog.declarations.get(request.name.partition("/")[2])
                if text is None:
                    await context.abort(grpc.StatusCode.NOT_FOUND, f"There is no {request.name}.")
                return dataset_service_pb2.Dataset(
                    name=request.name, declaration=text, owner="steward-pusat", revision=catalog.revision
                )

            async def RecordSnapshot(self, request, context):
                await catalog._check(context)
                if catalog.refused_snapshots:
                    catalog.refused_snapshots -= 1
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "The catalog is away.")
                catalog.snapshots[request.snapshot.name] = request
                return request.snapshot

        class Lineage(lineage_service_pb2_grpc.LineageServiceServicer):
            async def RecordLineage(self, request, context):
                await catalog._check(context)
                catalog.edges |= {(e.source, e.target, e.process, e.source_label) for e in request.edges}
                return lineage_service_pb2.RecordLineageResponse()

        class Audit(audit_service_pb2_grpc.AuditServiceServicer):
            async def RecordAuditEntries(self, request, context):
                await catalog._check(context)
                catalog.audit += request.entries
                return audit_service_pb2.RecordAuditEntriesResponse()

        server = grpc.aio.server()
        policy_service_pb2_grpc.add_PolicyServiceServicer_to_server(Policies(), server)
        dataset_service_pb2_grpc.add_DatasetServiceServicer_to_server(Datasets(), server)
        lineage_service_pb2_grpc.add_LineageServiceServicer_to_server(Lineage(), server)
        audit_service_pb2_grpc.add_AuditServiceServicer_to_server(Audit(), server)
        self.target = f"127.0.0.1:{free_port()}"
        server.add_insecure_port(self.target)
        await server.start()
        return server

    async def _check(self, context):
        if not self.available:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The catalog is away.")
