"""What is declared, in memory: datasets, policies and terms, as fresh as half a second.

One reader of the change feed serves decisions, lists and search alike. Nothing here awaits between looking at the
policies and deciding, so a decision never mixes two states.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from catalog_service.domain.dataset import QUARANTINE_COLUMNS, Dataset, parse_dataset_declaration
from catalog_service.domain.glossary import GlossaryTerm, parse_glossary_term
from catalog_service.domain.names import LAKE, TableName, asset_dataset
from catalog_service.domain.policy import Policy, PolicySet, Requester, Table, parse_policy
from catalog_service.domain.policy.policyset import set_version
from catalog_service.errors import DeclarationInvalidError, DirectoryStaleError
from catalog_service.storage.ports import Declaration, DeclarationStore, Kind
from servicekit.telemetry import get_logger

__all__ = ["Directory", "KnownDataset", "KnownTerm"]

_log = get_logger(__name__)

REFRESH_SECONDS = 0.5
STALE_SECONDS = 10.0
MAX_AUDIENCES = 256


@dataclass(frozen=True, slots=True)
class KnownDataset:
    """A dataset with its declaration and the tables that decisions are about."""

    declaration: Declaration
    dataset: Dataset
    lake: Table
    quarantine: Table


@dataclass(frozen=True, slots=True)
class KnownTerm:
    """A term with its declaration."""

    declaration: Declaration
    term: GlossaryTerm


class Directory:
    """Reads the change feed of the declarations."""

    def __init__(self, store: DeclarationStore) -> None:
        self._store = store
        self.datasets: dict[str, KnownDataset] = {}
        self.terms: dict[str, KnownTerm] = {}
        self.policy_declarations: dict[str, Declaration] = {}
        self.policies = PolicySet()
        self.changed: set[str] = set()
        self._policies: dict[str, Policy] = {}
        self._table_columns: dict[str, tuple[str, ...]] = {}
        self._audiences: dict[tuple[frozenset[str], str], frozenset[str]] = {}
        self._last = 0
        self._refreshed_at = float("-inf")
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Reads everything once, then keeps on reading what changes."""
        await self.refresh()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends the reading."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def refresh(self) -> None:
        """Reads what changed. After it, every change that was committed before it is known."""
        async with self._lock:
            started = time.monotonic()
            changes = await self._store.changes(self._last)
            # First read, then taken over: a policy that cannot be read leaves the old state, which grows stale.
            policies = {
                declaration.name: parse_policy(declaration.text)[0]
                for declaration in changes.declarations
                if declaration.kind is Kind.POLICY
            }
            self._table_columns.update(changes.table_columns)
            for declaration in changes.declarations:
                self._take(declaration, policies)
            for name in changes.table_columns:
                self._rebuild(name)
            if policies:
                self._policies |= policies
                digests = {name: declaration.digest for name, declaration in self.policy_declarations.items()}
                self.policies = PolicySet(self._policies.values(), set_version(digests))
            if changes.last != self._last:
                self._audiences.clear()
            self._last = changes.last
            self._refreshed_at = started

    async def dataset(self, name: str) -> KnownDataset | None:
        """A dataset, also one that another replica declared a moment ago."""
        await self.look_up([name])
        return self.datasets.get(name)

    async def look_up(self, names: Iterable[str]) -> None:
        """Looks once for datasets that are not known here yet."""
        if any(name not in self.datasets for name in names):
            await self.refresh()

    def table(self, name: TableName) -> Table | None:
        """The table that a decision is about; None where nothing is declared under that name."""
        known = self.datasets.get(name.dataset)
        if known is None:
            return None
        return known.lake if name.zone == LAKE else known.quarantine

    def check_fresh(self) -> None:
        """Refuses to go on with policies that may have changed long ago.

        Raises:
            DirectoryStaleError: the last good look at the database is over ten seconds old.
        """
        if time.monotonic() - self._refreshed_at > STALE_SECONDS:
            raise DirectoryStaleError

    def audience(self, requester: Requester) -> frozenset[str]:
        """The datasets that a requester may know about."""
        self.check_fresh()
        key = (requester.roles, requester.office)
        known = self._audiences.get(key)
        if known is None:
            known = frozenset(
                name for name, item in self.datasets.items() if self.policies.may_know(requester, item.lake)
            )
            if len(self._audiences) >= MAX_AUDIENCES:
                self._audiences.clear()
            self._audiences[key] = known
        return known

    def may_know_asset(self, requester: Requester, asset: str) -> bool:
        """Whether a requester may know about an asset of lineage; files, sources and models have no policy of their own."""
        dataset = asset_dataset(asset)
        if dataset is None:
            return asset.startswith(("files/", "models/", "sources/"))
        return dataset in self.audience(requester)

    def take_changed(self) -> set[str]:
        """Resource names that changed since this was last asked."""
        taken, self.changed = self.changed, set()
        return taken

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 (it has to go on, else decisions stay refused)
                _log.warning("declarations cannot be read", cause=str(error))

    def _take(self, declaration: Declaration, policies: dict[str, Policy]) -> None:
        if declaration.kind is Kind.POLICY:
            if declaration.name in policies:
                self.policy_declarations[declaration.name] = declaration
            return
        try:
            if declaration.kind is Kind.DATASET:
                dataset, _document = parse_dataset_declaration(declaration.text)
                self.datasets[declaration.name] = self._known(declaration, dataset)
                self.changed.add(f"datasets/{declaration.name}")
            else:
                term, _document = parse_glossary_term(declaration.text)
                self.terms[declaration.name] = KnownTerm(declaration, term)
                self.changed.add(f"glossaryTerms/{declaration.name}")
        except DeclarationInvalidError as error:
            _log.error("a kept declaration cannot be read", name=declaration.name, cause=str(error))

    def _rebuild(self, name: str) -> None:
        known = self.datasets.get(name)
        if known is not None:
            self.datasets[name] = self._known(known.declaration, known.dataset)

    def _known(self, declaration: Declaration, dataset: Dataset) -> KnownDataset:
        """Masks hold for declared columns and for those that the table really has."""
        tags = frozenset(dataset.tags)
        columns = dict.fromkeys(self._table_columns.get(dataset.dataset, ()), frozenset[str]())
        columns |= {column.name: frozenset(column.tags) for column in dataset.columns}
        return KnownDataset(
            declaration,
            dataset,
            lake=Table(LAKE, dataset.dataset, tags, columns),
            quarantine=Table("quarantine", dataset.dataset, tags, _untagged(QUARANTINE_COLUMNS)),
        )


def _untagged(names: Iterable[str]) -> dict[str, frozenset[str]]:
    return dict.fromkeys(names, frozenset[str]())
