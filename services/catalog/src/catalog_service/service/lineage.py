"""Where a figure comes from and where it goes."""

from collections.abc import Sequence

from catalog_service.domain.lineage import Edge, visible_edges
from catalog_service.domain.names import check_asset
from catalog_service.errors import ResourceNameInvalidError, ResourceNotFoundError
from catalog_service.service.directory import Directory
from catalog_service.service.requester import requester_of
from catalog_service.storage.ports import LineageStore
from servicekit.auth import Principal

__all__ = ["LineageService"]

DEFAULT_DEPTH = 10
MAX_DEPTH = 50
MAX_EDGES = 10_000
MAX_LABEL = 300


class LineageService:
    """Keeps edges and shows what a caller may know of them."""

    def __init__(self, store: LineageStore, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    async def record_lineage(self, edges: Sequence[Edge]) -> None:
        """Keeps edges, each once.

        Raises:
            ResourceNameInvalidError: a name has the wrong form, or there are too many edges.
        """
        if len(edges) > MAX_EDGES:
            raise ResourceNameInvalidError("edges", str(len(edges)), f"at most {MAX_EDGES} edges")
        for edge in edges:
            check_asset(edge.source, "edges.source")
            check_asset(edge.target, "edges.target")
            check_asset(edge.process, "edges.process")
            if len(edge.source_label) > MAX_LABEL or "\x00" in edge.source_label:
                raise ResourceNameInvalidError(
                    "edges.source_label", edge.source_label, f"at most {MAX_LABEL} characters"
                )
        await self._store.record_lineage(edges)

    async def get_lineage(self, principal: Principal, asset: str, depth: int) -> tuple[list[Edge], int]:
        """The edges around an asset that the caller may see, and how many assets are hidden at their border.

        Raises:
            ResourceNotFoundError: there is no such asset, or the caller may not know.
            ResourceNameInvalidError: the asset or the depth has the wrong form.
        """
        check_asset(asset, "asset")
        if not 0 <= depth <= MAX_DEPTH:
            raise ResourceNameInvalidError("depth", str(depth), f"1 to {MAX_DEPTH}")
        requester = requester_of(principal)
        if not self._directory.may_know_asset(requester, asset):
            raise ResourceNotFoundError(asset)
        steps = depth or DEFAULT_DEPTH
        found = await self._store.get_lineage(asset, steps, MAX_EDGES)
        edges, hidden = visible_edges(
            asset, found, steps, lambda name: self._directory.may_know_asset(requester, name)
        )
        # A file or a source is known by what was made of it: one that only hidden datasets came from stays unknown.
        if not edges and asset.startswith(("files/", "sources/")):
            raise ResourceNotFoundError(asset)
        if not found and not asset.startswith("datasets/"):
            raise ResourceNotFoundError(asset)
        return edges, len(hidden)
