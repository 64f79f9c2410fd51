"""Datasets and snapshots on the wire."""

from catalog_service.converters.times import time_to_proto
from catalog_service.domain.dataset import Snapshot
from catalog_service.domain.names import dataset_name
from catalog_service.service.compatibility import Comparison
from catalog_service.service.datasets import DatasetView, NewSnapshot
from lumbung.catalog.v1 import dataset_service_pb2 as pb

__all__ = ["comparison_to_proto", "dataset_to_proto", "new_snapshot_from_proto", "snapshot_to_proto"]


def comparison_to_proto(found: Comparison, language: str) -> pb.CheckDatasetResponse:
    """What a declaration would change, in `language`."""
    return pb.CheckDatasetResponse(
        dataset=dataset_name(found.dataset),
        revision=found.revision,
        changes=[
            pb.DatasetChange(
                path=change.path,
                concern=f"CONCERN_{change.concern.name}",
                text=change.text.in_language(language),
            )
            for change in found.changes
        ],
        readers=found.readers,
        hidden_readers=found.hidden,
    )


def dataset_to_proto(view: DatasetView, language: str) -> pb.Dataset:
    """A dataset with its texts in `language`."""
    dataset, declaration = view.dataset, view.declaration
    return pb.Dataset(
        name=dataset_name(dataset.dataset),
        declaration=declaration.text,
        display_name=dataset.display_name.in_language(language),
        description=dataset.description.in_language(language),
        owner=dataset.owner,
        tags=dataset.tags,
        columns=[
            pb.Column(
                name=column.name,
                type=column.type,
                description=column.description.in_language(language),
                unit=column.unit,
                key=column.key,
                tags=column.tags,
            )
            for column in dataset.columns
        ],
        revision=declaration.revision,
        latest_snapshot=snapshot_to_proto(view.latest_snapshot) if view.latest_snapshot else None,
        create_time=time_to_proto(declaration.create_time),
        update_time=time_to_proto(declaration.update_time),
    )


def snapshot_to_proto(snapshot: Snapshot) -> pb.Snapshot:
    """A snapshot."""
    return pb.Snapshot(
        name=f"{dataset_name(snapshot.dataset)}/snapshots/{snapshot.snapshot}",
        rows=snapshot.rows,
        origin=snapshot.origin,
        control_totals=dict(snapshot.control_totals),
        create_time=time_to_proto(snapshot.create_time),
    )


def new_snapshot_from_proto(request: pb.RecordSnapshotRequest) -> NewSnapshot:
    """A commit that a service tells of."""
    snapshot = request.snapshot
    return NewSnapshot(
        name=snapshot.name,
        rows=snapshot.rows,
        origin=snapshot.origin,
        control_totals=dict(snapshot.control_totals),
        columns=[(column.name, column.type, column.description) for column in request.columns],
        tags=tuple(request.tags),
        description=request.description,
        owner=request.owner,
    )
