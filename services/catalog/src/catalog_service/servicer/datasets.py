"""DatasetService."""

from catalog_service.converters.datasets import (
    comparison_to_proto,
    dataset_to_proto,
    new_snapshot_from_proto,
    snapshot_to_proto,
)
from catalog_service.service.compatibility import CompatibilityService
from catalog_service.service.datasets import DatasetService
from catalog_service.servicer.language import Context, language_of
from lumbung.catalog.v1 import dataset_service_pb2 as pb
from lumbung.catalog.v1 import dataset_service_pb2_grpc as pb_grpc
from servicekit.auth import current_principal

__all__ = ["DatasetServicer"]


class DatasetServicer(pb_grpc.DatasetServiceServicer):  # type: ignore[misc]
    """lumbung.catalog.v1.DatasetService."""

    def __init__(self, service: DatasetService, compatibility: CompatibilityService) -> None:
        self._service, self._compatibility = service, compatibility

    async def ApplyDataset(self, request: pb.ApplyDatasetRequest, context: Context) -> pb.Dataset:  # noqa: N802
        """See the proto."""
        view = await self._service.apply_dataset(current_principal(), request.dataset.declaration)
        return dataset_to_proto(view, language_of(context))

    async def CheckDataset(  # noqa: N802
        self, request: pb.CheckDatasetRequest, context: Context
    ) -> pb.CheckDatasetResponse:
        """See the proto."""
        found = await self._compatibility.check_dataset(current_principal(), request.declaration)
        return comparison_to_proto(found, language_of(context))

    async def GetDataset(self, request: pb.GetDatasetRequest, context: Context) -> pb.Dataset:  # noqa: N802
        """See the proto."""
        view = await self._service.get_dataset(current_principal(), request.name)
        return dataset_to_proto(view, language_of(context))

    async def ListDatasets(  # noqa: N802
        self, request: pb.ListDatasetsRequest, context: Context
    ) -> pb.ListDatasetsResponse:
        """See the proto."""
        views, token = await self._service.list_datasets(
            current_principal(), size=request.page_size, token=request.page_token
        )
        language = language_of(context)
        return pb.ListDatasetsResponse(
            datasets=[dataset_to_proto(view, language) for view in views], next_page_token=token
        )

    async def ListSnapshots(  # noqa: N802
        self, request: pb.ListSnapshotsRequest, context: Context
    ) -> pb.ListSnapshotsResponse:
        """See the proto."""
        del context
        snapshots, token = await self._service.list_snapshots(
            current_principal(), request.parent, size=request.page_size, token=request.page_token
        )
        return pb.ListSnapshotsResponse(
            snapshots=[snapshot_to_proto(snapshot) for snapshot in snapshots], next_page_token=token
        )

    async def RecordSnapshot(self, request: pb.RecordSnapshotRequest, context: Context) -> pb.Snapshot:  # noqa: N802
        """See the proto."""
        del context
        kept = await self._service.record_snapshot(current_principal(), new_snapshot_from_proto(request))
        return snapshot_to_proto(kept)
