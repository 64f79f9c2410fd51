"""A catalog for tests of other services: the real protos, with decisions and declarations from dictionaries."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

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

__all__ = ["SmallCatalog", "run_catalog"]


class SmallCatalog(
    policy_service_pb2_grpc.PolicyServiceServicer,
    dataset_service_pb2_grpc.DatasetServiceServicer,
    lineage_service_pb2_grpc.LineageServiceServicer,
    audit_service_pb2_grpc.AuditServiceServicer,
):
    """`readable` is a function of (caller, dataset) → AccessDecision fields or None; what it hears it keeps."""

    def __init__(self) -> None:
        self.declarations: dict[str, str] = {}
        self.asked: list[policy_service_pb2.DecideAccessRequest] = []
        self.snapshots: list[dataset_service_pb2.RecordSnapshotRequest] = []
        self.edges: list[lineage_service_pb2.LineageEdge] = []
        self.audit: list[audit_service_pb2.AuditEntry] = []
        self.metadata: list[dict[str, str]] = []
        self.address = ""
        self._lock = threading.Lock()

    def decide(self, caller: policy_service_pb2.CallerIdentity, dataset: str, action: str) -> dict[str, Any]:
        """Stewards and engineers see all; others see their office's rows, the submission hashed."""
        roles = set(caller.roles)
        if dataset not in self.declarations or not roles & {"viewer", "steward", "engineer"}:
            return {"allowed": False}
        if action == "write":
            return {"allowed": "engineer" in roles}
        if roles & {"steward", "engineer"} and "filtered" not in caller.username:
            return {"allowed": True}
        return {
            "allowed": True,
            "row_filter": [policy_service_pb2.RowCondition(column="province_code", values=[caller.office])],
            "masks": [policy_service_pb2.ColumnMask(column="submission", kind="hash")],
        }

    def DecideAccess(self, request: Any, context: Any) -> Any:
        with self._lock:
            self.asked.append(request)
            self.metadata.append(dict(context.invocation_metadata()))
        decisions = []
        for resource in request.resources:
            fields = self.decide(request.caller, resource.removeprefix("datasets/"), request.action)
            decisions.append(
                policy_service_pb2.AccessDecision(
                    resource=resource, policy_version="v1", ask="steward-pusat", reasons=["test"], **fields
                )
            )
        return policy_service_pb2.DecideAccessResponse(decisions=decisions)

    def GetDataset(self, request: Any, context: Any) -> Any:
        dataset = request.name.removeprefix("datasets/")
        if dataset not in self.declarations:
            context.abort(grpc.StatusCode.NOT_FOUND, f"There is no {request.name}.")
        return dataset_service_pb2.Dataset(name=request.name, declaration=self.declarations[dataset])

    def RecordSnapshot(self, request: Any, context: Any) -> Any:
        with self._lock:
            self.snapshots.append(request)
        return request.snapshot

    def RecordLineage(self, request: Any, context: Any) -> Any:
        with self._lock:
            self.edges.extend(request.edges)
        return lineage_service_pb2.RecordLineageResponse()

    def RecordAuditEntries(self, request: Any, context: Any) -> Any:
        with self._lock:
            self.audit.extend(request.entries)
        return audit_service_pb2.RecordAuditEntriesResponse()


@contextmanager
def run_catalog() -> Iterator[SmallCatalog]:
    """A running catalog on a free port."""
    catalog = SmallCatalog()
    server = grpc.server(ThreadPoolExecutor(8))
    policy_service_pb2_grpc.add_PolicyServiceServicer_to_server(catalog, server)
    dataset_service_pb2_grpc.add_DatasetServiceServicer_to_server(catalog, server)
    lineage_service_pb2_grpc.add_LineageServiceServicer_to_server(catalog, server)
    audit_service_pb2_grpc.add_AuditServiceServicer_to_server(catalog, server)
    catalog.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield catalog
    finally:
        server.stop(0).wait()
