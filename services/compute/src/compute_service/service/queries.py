"""The use case of the SQL door."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace

from compute_service.domain.decisions import decision_words
from compute_service.domain.query import QueryLimits, QuerySummary, QueryTable
from compute_service.errors import QueryInvalidError, denied
from compute_service.ports.outside import Catalog, QueryEngine
from servicekit.auth import Principal
from servicekit.errors import LumbungError, Text

__all__ = ["QueryService"]

_DEFAULT_ASK = "steward-pusat"
_DETAIL_CHARS = 4000


class QueryService:
    """Runs SELECTs: parse, decide, then read under the decision."""

    def __init__(self, engine: QueryEngine, catalog: Catalog, limits: QueryLimits) -> None:
        self._engine, self._catalog, self._limits = engine, catalog, limits

    async def run_query(
        self,
        principal: Principal,
        sql: str,
        *,
        max_rows: int = 0,
        purpose: str = "",
        snapshots: Mapping[str, int] | None = None,
    ) -> AsyncIterator[bytes | QuerySummary]:
        """Pieces of an Arrow IPC stream, then the summary.

        Raises:
            StatementRefusedError: not one SELECT over datasets.
            TableDeniedError: a table is unknown or hidden, the caller cannot tell which.
            QueryInvalidError, QueryMemoryError, QueryTimeError, QueueFullError: as they say.
        """
        limits = self._limits_of(max_rows)
        wanted = dict(snapshots or {})
        async with self._engine.open(limits) as query:
            names, strangers = await query.tables(sql)
            tables = await self._decide(principal, sql, names, strangers, purpose)
            if foreign := sorted(set(wanted) - set(names)):
                raise QueryInvalidError(
                    Text(
                        en=f"A snapshot is named for {', '.join(foreign)}, which the query does not read.",
                        id=f"Snapshot disebut untuk {', '.join(foreign)} yang tidak dibaca kueri.",
                    ),
                    Text(en="Name tables of the query only.", id="Sebutkan hanya tabel pada kueri."),
                    field="snapshots",
                )
            read = [replace(table, snapshot_id=wanted.get(table.dataset)) for table in tables]
            done = False
            try:
                async with aclosing(query.run_query(sql, read)) as parts:  # type: ignore[type-var]
                    async for part in parts:
                        yield part
                done = True
            except LumbungError:
                # The process answered, or is dead already; the engine knows which.
                done = True
                raise
            finally:
                # A caller that went away, or an error: the process must not go on for nobody.
                if not done:
                    query.kill()

    async def _decide(
        self, principal: Principal, sql: str, names: list[str], strangers: list[str], purpose: str
    ) -> list[QueryTable]:
        decisions = []
        if names:
            decisions = list(
                await self._catalog.decide(
                    principal,
                    [f"datasets/{name}" for name in names],
                    action="read",
                    door="sql",
                    purpose=purpose,
                    detail=sql[:_DETAIL_CHARS],
                )
            )
        refused = [name for name, found in zip(names, decisions, strict=True) if not found.allowed]
        if refused or strangers:
            ask = next((found.ask for found in decisions if not found.allowed and found.ask), _DEFAULT_ASK)
            raise denied(sorted([*refused, *strangers]), ask)
        return [
            QueryTable(name, decision_words(found.read)) for name, found in zip(names, decisions, strict=True)
        ]

    def _limits_of(self, max_rows: int) -> QueryLimits:
        if max_rows < 0:
            raise QueryInvalidError(
                Text(en=f"max_rows is {max_rows}.", id=f"max_rows bernilai {max_rows}."),
                Text(en="Give 0 or more.", id="Isi 0 atau lebih."),
                field="max_rows",
            )
        return replace(self._limits, max_rows=min(max_rows or self._limits.max_rows, self._limits.max_rows))
