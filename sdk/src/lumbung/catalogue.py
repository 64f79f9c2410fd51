"""Datasets, search, lineage, policies, audit and glossary."""

# mypy: disable-error-code="no-any-return"
# A stub gives Any; what an operation says that it returns is what the proto says.

from lumbung.calls import Awaiting, Blocking, Call, Operation, operation
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
from lumbung.repeating import collect

__all__ = ["AsyncCatalogue", "Catalogue"]

VERIFY_SECONDS = 300.0
_datasets = dataset_service_pb2_grpc.DatasetServiceStub
_audit = audit_service_pb2_grpc.AuditServiceStub


class _Catalogue:
    @operation
    def apply_dataset(self, declaration: str) -> Operation[dataset_service_pb2.Dataset]:
        """Creates or replaces a dataset by its YAML declaration."""
        dataset = dataset_service_pb2.Dataset(declaration=declaration)
        return (
            yield Call(_datasets, "ApplyDataset", dataset_service_pb2.ApplyDatasetRequest(dataset=dataset))
        )

    @operation
    def check_dataset(self, declaration: str) -> Operation[dataset_service_pb2.CheckDatasetResponse]:
        """What a YAML declaration would change of a dataset, and for whom. It changes nothing."""
        request = dataset_service_pb2.CheckDatasetRequest(declaration=declaration)
        return (yield Call(_datasets, "CheckDataset", request))

    @operation
    def apply_policy(self, declaration: str) -> Operation[policy_service_pb2.Policy]:
        """Creates or replaces a policy by its YAML declaration."""
        policy = policy_service_pb2.Policy(declaration=declaration)
        request = policy_service_pb2.ApplyPolicyRequest(policy=policy)
        return (yield Call(policy_service_pb2_grpc.PolicyServiceStub, "ApplyPolicy", request))

    @operation
    def apply_glossary_term(self, declaration: str) -> Operation[glossary_service_pb2.GlossaryTerm]:
        """Creates or replaces a glossary term by its YAML declaration."""
        term = glossary_service_pb2.GlossaryTerm(declaration=declaration)
        request = glossary_service_pb2.ApplyGlossaryTermRequest(glossary_term=term)
        return (yield Call(glossary_service_pb2_grpc.GlossaryServiceStub, "ApplyGlossaryTerm", request))

    @operation
    def get_dataset(self, dataset: str) -> Operation[dataset_service_pb2.Dataset]:
        """A dataset by its id."""
        request = dataset_service_pb2.GetDatasetRequest(name=f"datasets/{dataset}")
        return (yield Call(_datasets, "GetDataset", request))

    @operation
    def list_datasets(self) -> Operation[list[dataset_service_pb2.Dataset]]:
        """Every dataset that the caller may know about."""

        def page(size: int, token: str) -> Call:
            request = dataset_service_pb2.ListDatasetsRequest(page_size=size, page_token=token)
            return Call(_datasets, "ListDatasets", request)

        return (yield from collect(page, "datasets"))

    @operation
    def list_snapshots(self, dataset: str, limit: int = 50) -> Operation[list[dataset_service_pb2.Snapshot]]:
        """The newest snapshots of a dataset."""

        def page(size: int, token: str) -> Call:
            request = dataset_service_pb2.ListSnapshotsRequest(
                parent=f"datasets/{dataset}", page_size=size, page_token=token
            )
            return Call(_datasets, "ListSnapshots", request)

        return (yield from collect(page, "snapshots", limit))

    @operation
    def search(self, query: str, limit: int = 20) -> Operation[search_service_pb2.SearchAssetsResponse]:
        """Assets that are about `query`, best first."""
        request = search_service_pb2.SearchAssetsRequest(query=query, page_size=limit)
        return (yield Call(search_service_pb2_grpc.SearchServiceStub, "SearchAssets", request))

    @operation
    def lineage(self, asset: str, depth: int = 10) -> Operation[lineage_service_pb2.Lineage]:
        """The edges around an asset, `datasets/{dataset}` or `models/{model}/versions/{version}`."""
        request = lineage_service_pb2.GetLineageRequest(asset=asset, depth=depth)
        return (yield Call(lineage_service_pb2_grpc.LineageServiceStub, "GetLineage", request))

    @operation
    def list_audit_entries(
        self, *, resource: str = "", username: str = "", limit: int = 50
    ) -> Operation[list[audit_service_pb2.AuditEntry]]:
        """The newest audit entries, at most `limit`."""

        def page(size: int, token: str) -> Call:
            request = audit_service_pb2.ListAuditEntriesRequest(
                resource=resource, username=username, page_size=size, page_token=token
            )
            return Call(_audit, "ListAuditEntries", request)

        return (yield from collect(page, "entries", limit))

    @operation
    def verify_audit_log(self) -> Operation[audit_service_pb2.VerifyAuditLogResponse]:
        """Recomputes the audit log's hash chain."""
        request = audit_service_pb2.VerifyAuditLogRequest()
        return (yield Call(_audit, "VerifyAuditLog", request, VERIFY_SECONDS))


class Catalogue(_Catalogue, Blocking):
    """What there is, what it means, where it comes from, who may see it and who did."""


class AsyncCatalogue(_Catalogue, Awaiting):
    """`Catalogue`, to be awaited."""
