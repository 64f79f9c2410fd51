"""Datasets and their snapshots."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from catalog_service.domain.dataset import (
    Dataset,
    Snapshot,
    declaration_of_table,
    parse_dataset_declaration,
)
from catalog_service.domain.document import digest
from catalog_service.domain.names import LAKE, check_asset, dataset_name, parse_dataset, parse_snapshot
from catalog_service.domain.policy import Requester, Table
from catalog_service.errors import DeclareDeniedError, ResourceNameInvalidError, ResourceNotFoundError
from catalog_service.service.directory import Directory, KnownDataset
from catalog_service.service.paging import decode_number, decode_token, encode_token, page_size
from catalog_service.service.requester import requester_of
from catalog_service.storage.ports import Declaration, DeclarationStore, Kind, SnapshotStore
from servicekit.auth import Principal

__all__ = ["DatasetService", "DatasetView", "NewSnapshot"]

MAX_TOTALS = 10_000
MAX_TOTAL_TEXT = 300
MAX_COLUMN_NAME = 255


@dataclass(frozen=True, slots=True)
class DatasetView:
    """A dataset as it is shown."""

    declaration: Declaration
    dataset: Dataset
    latest_snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class NewSnapshot:
    """A commit that a service tells of. `columns` are (name, type, description)."""

    name: str
    rows: int
    origin: str
    control_totals: dict[str, str]
    columns: Sequence[tuple[str, str, str]]
    tags: Sequence[str] = ()
    description: str = ""
    owner: str = ""


class DatasetService:
    """Keeps datasets; who may not know one is told that there is none."""

    def __init__(self, store: DeclarationStore, snapshots: SnapshotStore, directory: Directory) -> None:
        self._store = store
        self._snapshots = snapshots
        self._directory = directory

    async def apply_dataset(self, principal: Principal, declaration: str) -> DatasetView:
        """Creates or replaces a dataset; an equal declaration changes nothing.

        Tags decide who sees a dataset. Stewards and admins may declare any; others only what policies let them
        read or write, as it stands and as it becomes.

        Raises:
            DeclarationInvalidError: it does not follow the language.
            DeclareDeniedError: the caller may not declare this dataset.
        """
        dataset, document = parse_dataset_declaration(declaration)
        if not principal.roles & {"steward", "admin"}:
            await self._check_declare(requester_of(principal), dataset)
        kept = await self._store.apply_declaration(
            Kind.DATASET, dataset.dataset, declaration, digest(document), principal.username
        )
        await self._directory.refresh()
        return await self._view(kept, parse_dataset_declaration(kept.text)[0])

    async def _check_declare(self, requester: Requester, dataset: Dataset) -> None:
        known = await self._directory.dataset(dataset.dataset)
        columns = {column.name: frozenset(column.tags) for column in dataset.columns}
        becomes = Table(LAKE, dataset.dataset, frozenset(dataset.tags), columns)
        tables = [becomes] if known is None else [becomes, known.lake]
        if not all(self._directory.policies.may_know(requester, table) for table in tables):
            raise DeclareDeniedError(dataset_name(dataset.dataset))

    async def get_dataset(self, principal: Principal, name: str) -> DatasetView:
        """A dataset that the caller may know about.

        Raises:
            ResourceNotFoundError: there is none, or the caller may not know.
        """
        known = await self._known(principal, name)
        return await self._view(known.declaration, known.dataset)

    async def list_datasets(
        self, principal: Principal, *, size: int, token: str
    ) -> tuple[list[DatasetView], str]:
        """A page of datasets by name, and the token of the next page."""
        names = sorted(self._directory.audience(requester_of(principal)))
        start = bisect_right(names, decode_token(token))
        page = names[start : start + page_size(size)]
        more = start + len(page) < len(names)
        known = [self._directory.datasets[name] for name in page]
        latest = await self._snapshots.latest_snapshots(page) if page else {}
        views = [
            DatasetView(item.declaration, item.dataset, latest.get(name))
            for name, item in zip(page, known, strict=True)
        ]
        return views, encode_token(page[-1]) if more else ""

    async def list_snapshots(
        self, principal: Principal, parent: str, *, size: int, token: str
    ) -> tuple[list[Snapshot], str]:
        """A page of snapshots, newest first, and the token of the next page.

        Raises:
            ResourceNotFoundError: there is no such dataset, or the caller may not know.
        """
        known = await self._known(principal, parent, "parent")
        limit = page_size(size)
        found = await self._snapshots.list_snapshots(known.dataset.dataset, decode_number(token), limit + 1)
        page = found[:limit]
        return page, encode_token(str(page[-1].sequence)) if len(found) > limit else ""

    async def record_snapshot(self, principal: Principal, new: NewSnapshot) -> Snapshot:
        """Keeps a snapshot once; a dataset that nobody declared is created from the table's columns.

        Raises:
            ResourceNameInvalidError, DeclarationInvalidError: a name, a number or a column has the wrong form.
        """
        dataset, snapshot = parse_snapshot(new.name)
        _check_snapshot(new)
        if await self._directory.dataset(dataset) is None:
            text = declaration_of_table(
                dataset, new.columns, new.tags, new.description, new.owner or principal.username
            )
            _dataset, document = parse_dataset_declaration(text)
            await self._store.apply_declaration(
                Kind.DATASET, dataset, text, digest(document), principal.username, only_new=True
            )
        kept = await self._snapshots.record_snapshot(
            Snapshot(dataset, snapshot, new.rows, new.origin, new.control_totals),
            [name for name, _type, _about in new.columns],
        )
        await self._directory.refresh()
        return kept

    async def _known(self, principal: Principal, name: str, field: str = "name") -> KnownDataset:
        dataset = parse_dataset(name, field)
        known = await self._directory.dataset(dataset)
        if known is None or dataset not in self._directory.audience(requester_of(principal)):
            raise ResourceNotFoundError(name)
        return known

    async def _view(self, declaration: Declaration, dataset: Dataset) -> DatasetView:
        latest = await self._snapshots.latest_snapshots([dataset.dataset])
        return DatasetView(declaration, dataset, latest.get(dataset.dataset))


def _check_snapshot(new: NewSnapshot) -> None:
    if new.rows < 0:
        raise ResourceNameInvalidError("snapshot.rows", str(new.rows), "0 or more")
    check_asset(new.origin, "snapshot.origin")
    totals = [text for pair in new.control_totals.items() for text in pair]
    if len(totals) > 2 * MAX_TOTALS or any(len(text) > MAX_TOTAL_TEXT or "\x00" in text for text in totals):
        raise ResourceNameInvalidError(
            "snapshot.control_totals", str(len(new.control_totals)), f"at most {MAX_TOTALS} short texts"
        )
    for name, _type, _about in new.columns:
        if not 0 < len(name) <= MAX_COLUMN_NAME or "\x00" in name:
            raise ResourceNameInvalidError("columns.name", name, f"1 to {MAX_COLUMN_NAME} characters")
