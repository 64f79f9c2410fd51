"""Lineage of models in the catalog."""

from collections.abc import Sequence

from typing_extensions import override

from catalogclient import CatalogClient
from inference_service.clients.ports import LineageRecorder
from inference_service.domain.names import VersionRef

__all__ = ["CatalogLineageRecorder"]


class CatalogLineageRecorder(LineageRecorder):
    """Speaks with the service's own token."""

    def __init__(self, catalog: CatalogClient) -> None:
        self._catalog = catalog

    @override
    async def check_datasets(self, datasets: Sequence[str]) -> None:
        for dataset in datasets:
            await self._catalog.get_dataset(dataset)

    @override
    async def record_training(self, datasets: Sequence[str], ref: VersionRef) -> None:
        if datasets:
            edges = [(f"datasets/{dataset}", str(ref)) for dataset in datasets]
            await self._catalog.record_lineage(edges, process=str(ref))
