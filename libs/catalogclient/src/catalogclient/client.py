"""The calls a service makes to the catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from catalogclient.calls import catalog_errors
from catalogclient.decisions import Decision, decision_from_proto
from lumbung.catalog.v1 import (
    dataset_service_pb2,
    dataset_service_pb2_grpc,
    lineage_service_pb2,
    lineage_service_pb2_grpc,
    policy_service_pb2,
    policy_service_pb2_grpc,
)
from servicekit.auth import Principal, ServiceIdentity
from servicekit.telemetry import client_metadata

if TYPE_CHECKING:  # it would bring Polars and Arrow into services that have no tables
    from lake import TableSchema

__all__ = ["CatalogClient", "DatasetInfo"]


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What a service needs of a dataset: its YAML declaration, tags and owner."""

    dataset: str
    declaration: str
    tags: tuple[str, ...]
    owner: str
    revision: int


class CatalogClient:
    """Calls with the service's own token. Raises the errors of `catalogclient.calls`."""

    def __init__(
        self, channel: grpc.aio.Channel, identity: ServiceIdentity, timeout_seconds: float = 10.0
    ) -> None:
        self._identity = identity
        self._timeout = timeout_seconds
        self._policies = policy_service_pb2_grpc.PolicyServiceStub(channel)
        self._datasets = dataset_service_pb2_grpc.DatasetServiceStub(channel)
        self._lineage = lineage_service_pb2_grpc.LineageServiceStub(channel)

    async def _metadata(self) -> tuple[tuple[str, str], ...]:
        return client_metadata(await self._identity.metadata())

    async def decide(
        self,
        principal: Principal,
        resources: Sequence[str],
        *,
        action: str,
        door: str,
        purpose: str = "",
        detail: str = "",
    ) -> list[Decision]:
        """One decision per resource (`datasets/{d}` or `quarantines/{d}`), in the order asked.

        `action` is "read" or "write"; `door` names the way in. Every decision is recorded by the catalog.
        """
        request = policy_service_pb2.DecideAccessRequest(
            caller=policy_service_pb2.CallerIdentity(
                subject=principal.subject,
                username=principal.username,
                roles=sorted(principal.roles),
                office=principal.office,
                authorized_party=principal.authorized_party,
            ),
            resources=resources,
            action=action,
            door=door,
            purpose=purpose,
            detail=detail,
        )
        async with catalog_errors():
            answer = await self._policies.DecideAccess(
                request, metadata=await self._metadata(), timeout=self._timeout
            )
        return [decision_from_proto(decision) for decision in answer.decisions]

    async def get_dataset(self, dataset: str) -> DatasetInfo:
        """The declaration of `datasets/{dataset}`.

        Raises:
            NotFoundError: there is no such dataset.
        """
        async with catalog_errors():
            answer = await self._datasets.GetDataset(
                dataset_service_pb2.GetDatasetRequest(name=f"datasets/{dataset}"),
                metadata=await self._metadata(),
                timeout=self._timeout,
            )
        return DatasetInfo(dataset, answer.declaration, tuple(answer.tags), answer.owner, answer.revision)

    async def record_snapshot(
        self,
        dataset: str,
        snapshot_id: int,
        *,
        rows: int,
        origin: str,
        schema: "TableSchema",
        control_totals: Mapping[str, str] | None = None,
        tags: Sequence[str] = (),
        description: str = "",
        owner: str = "",
    ) -> None:
        """Tells the catalog of a commit. Telling it twice changes nothing."""
        request = dataset_service_pb2.RecordSnapshotRequest(
            snapshot=dataset_service_pb2.Snapshot(
                name=f"datasets/{dataset}/snapshots/{snapshot_id}",
                rows=rows,
                origin=origin,
                control_totals=dict(control_totals or {}),
            ),
            columns=[
                dataset_service_pb2.Column(name=column.name, type=column.type, description=column.description)
                for column in schema.columns
            ],
            tags=tags,
            description=description,
            owner=owner,
        )
        async with catalog_errors():
            await self._datasets.RecordSnapshot(
                request, metadata=await self._metadata(), timeout=self._timeout
            )

    async def record_lineage(
        self, edges: Sequence[tuple[str, str]], *, process: str, labels: Mapping[str, str] | None = None
    ) -> None:
        """Records edges (source asset, target asset). Recording one twice changes nothing."""
        known = dict(labels or {})
        request = lineage_service_pb2.RecordLineageRequest(
            edges=[
                lineage_service_pb2.LineageEdge(
                    source=source, target=target, process=process, source_label=known.get(source, "")
                )
                for source, target in edges
            ]
        )
        async with catalog_errors():
            await self._lineage.RecordLineage(request, metadata=await self._metadata(), timeout=self._timeout)
