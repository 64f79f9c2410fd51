"""Datasets, search, lineage, policies, audit and glossary."""

import grpc

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
from lumbung.transport import api_errors

__all__ = ["Catalogue"]

TIMEOUT_SECONDS = 30.0


class Catalogue:
    """What there is, what it means, where it comes from, who may see it and who did."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._datasets = dataset_service_pb2_grpc.DatasetServiceStub(channel)
        self._search = search_service_pb2_grpc.SearchServiceStub(channel)
        self._lineage = lineage_service_pb2_grpc.LineageServiceStub(channel)
        self._policies = policy_service_pb2_grpc.PolicyServiceStub(channel)
        self._audit = audit_service_pb2_grpc.AuditServiceStub(channel)
        self._glossary = glossary_service_pb2_grpc.GlossaryServiceStub(channel)

    def apply_dataset(self, declaration: str) -> dataset_service_pb2.Dataset:
        """Creates or replaces a dataset by its YAML declaration."""
        dataset = dataset_service_pb2.Dataset(declaration=declaration)
        with api_errors():
            answer: dataset_service_pb2.Dataset = self._datasets.ApplyDataset(
                dataset_service_pb2.ApplyDatasetRequest(dataset=dataset), timeout=TIMEOUT_SECONDS
            )
        return answer

    def apply_policy(self, declaration: str) -> policy_service_pb2.Policy:
        """Creates or replaces a policy by its YAML declaration."""
        policy = policy_service_pb2.Policy(declaration=declaration)
        with api_errors():
            answer: policy_service_pb2.Policy = self._policies.ApplyPolicy(
                policy_service_pb2.ApplyPolicyRequest(policy=policy), timeout=TIMEOUT_SECONDS
            )
        return answer

    def apply_glossary_term(self, declaration: str) -> glossary_service_pb2.GlossaryTerm:
        """Creates or replaces a glossary term by its YAML declaration."""
        term = glossary_service_pb2.GlossaryTerm(declaration=declaration)
        with api_errors():
            answer: glossary_service_pb2.GlossaryTerm = self._glossary.ApplyGlossaryTerm(
                glossary_service_pb2.ApplyGlossaryTermRequest(glossary_term=term), timeout=TIMEOUT_SECONDS
            )
        return answer

    def get_dataset(self, dataset: str) -> dataset_service_pb2.Dataset:
        """A dataset by its id."""
        with api_errors():
            answer: dataset_service_pb2.Dataset = self._datasets.GetDataset(
                dataset_service_pb2.GetDatasetRequest(name=f"datasets/{dataset}"), timeout=TIMEOUT_SECONDS
            )
        return answer

    def list_datasets(self) -> list[dataset_service_pb2.Dataset]:
        """Every dataset that the caller may know about."""
        found: list[dataset_service_pb2.Dataset] = []
        token = ""
        while True:
            with api_errors():
                page = self._datasets.ListDatasets(
                    dataset_service_pb2.ListDatasetsRequest(page_size=200, page_token=token),
                    timeout=TIMEOUT_SECONDS,
                )
            found.extend(page.datasets)
            token = page.next_page_token
            if not token:
                return found

    def list_snapshots(self, dataset: str, limit: int = 50) -> list[dataset_service_pb2.Snapshot]:
        """The newest snapshots of a dataset."""
        with api_errors():
            page = self._datasets.ListSnapshots(
                dataset_service_pb2.ListSnapshotsRequest(parent=f"datasets/{dataset}", page_size=limit),
                timeout=TIMEOUT_SECONDS,
            )
        return list(page.snapshots)

    def search(self, query: str, limit: int = 20) -> search_service_pb2.SearchAssetsResponse:
        """Assets that are about `query`, best first."""
        with api_errors():
            answer: search_service_pb2.SearchAssetsResponse = self._search.SearchAssets(
                search_service_pb2.SearchAssetsRequest(query=query, page_size=limit), timeout=TIMEOUT_SECONDS
            )
        return answer

    def lineage(self, asset: str, depth: int = 10) -> lineage_service_pb2.Lineage:
        """The edges around an asset, `datasets/{dataset}` or `models/{model}/versions/{version}`."""
        with api_errors():
            answer: lineage_service_pb2.Lineage = self._lineage.GetLineage(
                lineage_service_pb2.GetLineageRequest(asset=asset, depth=depth), timeout=TIMEOUT_SECONDS
            )
        return answer

    def list_audit_entries(
        self, *, resource: str = "", username: str = "", limit: int = 50
    ) -> list[audit_service_pb2.AuditEntry]:
        """The newest audit entries."""
        with api_errors():
            page = self._audit.ListAuditEntries(
                audit_service_pb2.ListAuditEntriesRequest(
                    resource=resource, username=username, page_size=limit
                ),
                timeout=TIMEOUT_SECONDS,
            )
        return list(page.entries)

    def verify_audit_log(self) -> audit_service_pb2.VerifyAuditLogResponse:
        """Recomputes the audit log's hash chain."""
        with api_errors():
            answer: audit_service_pb2.VerifyAuditLogResponse = self._audit.VerifyAuditLog(
                audit_service_pb2.VerifyAuditLogRequest(), timeout=300.0
            )
        return answer
