"""The catalog: who may write, what a dataset promises, what was published."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from typing_extensions import override

from catalogclient import CatalogClient
from ingest_service.domain.contract import Declaration, parse_declaration
from ingest_service.errors import WritingDeniedError
from lake import ReadDecision, TableSchema
from servicekit.auth import Principal
from servicekit.errors import Text

__all__ = ["Catalog", "CatalogServiceClient", "Readable"]

_CACHED = 256


@dataclass(frozen=True, slots=True)
class Readable:
    """What somebody may see of a quarantine; `ask` says who can give access."""

    decision: ReadDecision
    ask: str


class Catalog(ABC):
    """What ingest asks of the catalog and tells it."""

    @abstractmethod
    async def require_write(self, principal: Principal, dataset: str) -> None:
        """WritingDeniedError unless the caller may write the dataset; an unknown dataset looks the same."""

    @abstractmethod
    async def decide_findings(self, principal: Principal, dataset: str) -> Readable:
        """What the caller may see of the dataset's quarantine."""

    @abstractmethod
    async def decide_certification(self, principal: Principal, dataset: str) -> Readable:
        """What the caller may see of the dataset that he is to answer for."""

    @abstractmethod
    async def decide_comparison(self, principal: Principal, dataset: str) -> Readable:
        """What the caller may see of the dataset in a comparison of two of its states."""

    @abstractmethod
    async def get_declaration(self, dataset: str) -> tuple[Declaration, int]:
        """A dataset's declaration and its revision.

        Raises:
            NotFoundError: there is none.
            ContractError: it does not follow the language.
        """

    @abstractmethod
    async def record_publication(
        self,
        dataset: str,
        snapshot_id: int,
        *,
        rows: int,
        submission_id: str,
        schema: TableSchema,
        control_totals: Mapping[str, str],
        sha256: str,
        file_name: str,
    ) -> None:
        """Tells of a commit and of where it came from. Telling it twice changes nothing."""

    @abstractmethod
    async def record_source_commit(
        self,
        dataset: str,
        snapshot_id: int,
        *,
        rows: int,
        source: str,
        label: str,
        run: str,
        schema: TableSchema,
        control_totals: Mapping[str, str],
    ) -> None:
        """Tells of a commit of a source's run, as of `record_publication`; `label` is the source's name for people."""

    @abstractmethod
    async def record_revert(
        self, dataset: str, snapshot_id: int, *, rows: int, submission_id: str, schema: TableSchema
    ) -> None:
        """Tells of the commit that took a submission back. Telling it twice changes nothing."""


class CatalogServiceClient(Catalog):
    """Asks the catalog service; parsed declarations are remembered by revision."""

    def __init__(self, client: CatalogClient) -> None:
        self._client = client
        self._parsed: dict[tuple[str, int], Declaration] = {}

    @override
    async def require_write(self, principal: Principal, dataset: str) -> None:
        resource = f"datasets/{dataset}"
        decisions = await self._client.decide(principal, [resource], action="write", door="upload")
        if decisions and decisions[0].allowed:
            return
        ask = decisions[0].ask if decisions else ""
        raise WritingDeniedError(
            Text(
                en=f"{principal.username} may not write {resource}.",
                id=f"{principal.username} tidak berhak menulis {resource}.",
            ),
            Text(en=f"Ask {ask} for access.", id=f"Mintalah akses kepada {ask}.")
            if ask
            else Text(
                en="Ask the dataset's steward for access.", id="Mintalah akses kepada wali data dataset ini."
            ),
        )

    @override
    async def decide_findings(self, principal: Principal, dataset: str) -> Readable:
        return await self._readable(principal, f"quarantines/{dataset}", "findings")

    @override
    async def decide_certification(self, principal: Principal, dataset: str) -> Readable:
        return await self._readable(principal, f"datasets/{dataset}", "certify")

    @override
    async def decide_comparison(self, principal: Principal, dataset: str) -> Readable:
        return await self._readable(principal, f"datasets/{dataset}", "compare")

    async def _readable(self, principal: Principal, resource: str, door: str) -> Readable:
        decisions = await self._client.decide(principal, [resource], action="read", door=door)
        return Readable(decisions[0].read, decisions[0].ask)

    @override
    async def get_declaration(self, dataset: str) -> tuple[Declaration, int]:
        info = await self._client.get_dataset(dataset)
        key = (dataset, info.revision)
        if key not in self._parsed:
            if len(self._parsed) >= _CACHED:
                self._parsed.clear()
            self._parsed[key] = parse_declaration(info.declaration)
        return self._parsed[key], info.revision

    @override
    async def record_publication(
        self,
        dataset: str,
        snapshot_id: int,
        *,
        rows: int,
        submission_id: str,
        schema: TableSchema,
        control_totals: Mapping[str, str],
        sha256: str,
        file_name: str,
    ) -> None:
        origin = f"submissions/{submission_id}"
        await self._client.record_snapshot(
            dataset,
            snapshot_id,
            rows=rows,
            origin=origin,
            schema=schema,
            control_totals=control_totals,
        )
        source = f"files/{sha256}"
        await self._client.record_lineage(
            [(source, f"datasets/{dataset}")], process=origin, labels={source: file_name}
        )

    @override
    async def record_source_commit(
        self,
        dataset: str,
        snapshot_id: int,
        *,
        rows: int,
        source: str,
        label: str,
        run: str,
        schema: TableSchema,
        control_totals: Mapping[str, str],
    ) -> None:
        origin, asset = f"sources/{source}/runs/{run}", f"sources/{source}"
        await self._client.record_snapshot(
            dataset, snapshot_id, rows=rows, origin=origin, schema=schema, control_totals=control_totals
        )
        await self._client.record_lineage(
            [(asset, f"datasets/{dataset}")], process=origin, labels={asset: label}
        )

    @override
    async def record_revert(
        self, dataset: str, snapshot_id: int, *, rows: int, submission_id: str, schema: TableSchema
    ) -> None:
        await self._client.record_snapshot(
            dataset, snapshot_id, rows=rows, origin=f"submissions/{submission_id}", schema=schema
        )
