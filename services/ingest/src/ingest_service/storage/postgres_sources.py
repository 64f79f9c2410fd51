"""Sources and their runs in PostgreSQL."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from typing_extensions import override

from ingest_service.domain.source_run import SourceRun, SourceRunState, StoredSource
from ingest_service.domain.submission import RuleCount, Severity
from ingest_service.storage.rows import rule_counts_to_json
from ingest_service.storage.source_ports import SourceRunChange, SourceStore
from servicekit.errors import Text

__all__ = ["PostgresSourceStore", "declared"]

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[DictRow]]

# Queues a run of a source within the connection's transaction.
EnqueueRun: TypeAlias = Callable[[AsyncConnection[Any], str, str], Awaitable[None]]

_APPLY = """INSERT INTO sources (source, dataset, declaration, revision, update_time)
VALUES (%(source)s, %(dataset)s, %(declaration)s, 1, %(update_time)s)
ON CONFLICT (source) DO UPDATE SET dataset = EXCLUDED.dataset, declaration = EXCLUDED.declaration,
    revision = sources.revision + 1, update_time = EXCLUDED.update_time
WHERE sources.declaration <> EXCLUDED.declaration RETURNING *"""
_REVISE = """INSERT INTO source_revisions (source, revision, declaration, username, create_time)
VALUES (%s, %s, %s, %s, %s)"""
_LIST = """SELECT * FROM source_runs WHERE (%(source)s::text IS NULL OR source = %(source)s)
AND (%(before)s::text IS NULL OR run < %(before)s) ORDER BY run DESC LIMIT %(limit)s"""
_CANCEL = """UPDATE source_runs SET cancel_requested = true,
    state = CASE WHEN start_time IS NULL THEN 'cancelled' ELSE state END,
    end_time = CASE WHEN start_time IS NULL THEN %(now)s ELSE end_time END,
    message_en = %(en)s, message_id = %(id)s
WHERE run = %(run)s AND state IN ('pending', 'running')"""
_RETRY = """UPDATE source_runs SET state = 'pending', cancel_requested = false, end_time = NULL, error_reason = '',
    message_en = %(en)s, message_id = %(id)s, trace = %(trace)s
WHERE run = %(run)s AND state IN ('failed', 'cancelled') RETURNING source"""


class PostgresSourceStore(SourceStore):
    """Sources in PostgreSQL. `enqueue` queues a source's run on the given connection."""

    def __init__(self, pool: Pool, enqueue: EnqueueRun) -> None:
        self._pool, self._enqueue = pool, enqueue

    @override
    async def apply_source(self, source: StoredSource, username: str) -> StoredSource | None:
        values = {name: getattr(source, name) for name in ("source", "dataset", "declaration", "update_time")}
        async with self._pool.connection() as connection:
            await connection.execute("LOCK TABLE sources IN SHARE ROW EXCLUSIVE MODE")
            found = await connection.execute(
                "SELECT 1 FROM sources WHERE dataset = %(dataset)s AND source <> %(source)s", values
            )
            if await found.fetchone():
                return None
            row = await (await connection.execute(_APPLY, values)).fetchone()
            if row is not None:
                revision = [row["source"], row["revision"], row["declaration"], username, row["update_time"]]
                await connection.execute(_REVISE, revision)
        return StoredSource(**row) if row else await self.get_source(source.source)

    @override
    async def get_source(self, source: str) -> StoredSource | None:
        row = await self._one("SELECT * FROM sources WHERE source = %s", [source])
        return StoredSource(**row) if row else None

    @override
    async def get_declaration(self, source: str, revision: int) -> str:
        row = await self._one(
            "SELECT declaration FROM source_revisions WHERE source = %s AND revision = %s", [source, revision]
        )
        if row is None:
            raise RuntimeError(f"source {source} has no revision {revision}")
        return str(row["declaration"])

    @override
    async def list_sources(self, *, after: str, limit: int) -> Sequence[StoredSource]:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "SELECT * FROM sources WHERE source > %s ORDER BY source LIMIT %s", [after, limit]
            )
            return [StoredSource(**row) for row in await found.fetchall()]

    @override
    async def create_run(self, run: SourceRun) -> SourceRun:
        # RunSource: kept and queued in one transaction.
        values = {
            name: getattr(run, name)
            for name in (
                "run",
                "source",
                "dataset",
                "revision",
                "owner",
                "creator",
                "request_id",
                "full",
                "create_time",
            )
        }
        values |= {
            "state": run.state.value,
            "message_en": run.message.en,
            "message_id": run.message.id,
            "trace": Jsonb(dict(run.trace)),
        }
        insert = sql.SQL(
            "INSERT INTO source_runs ({}) VALUES ({}) ON CONFLICT (owner, source, request_id) DO NOTHING RETURNING *"
        ).format(
            sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(map(sql.Placeholder, values))
        )
        async with self._pool.connection() as connection:
            row = await (await connection.execute(insert, values)).fetchone()
            if row is not None:
                await self._enqueue(connection, run.source, run.run)
            else:
                found = await connection.execute(
                    "SELECT * FROM source_runs WHERE owner = %s AND source = %s AND request_id = %s",
                    [run.owner, run.source, run.request_id],
                )
                row = await found.fetchone()
        if row is None:
            raise RuntimeError("a run neither inserted nor found")
        return _run(row)

    @override
    async def get_source_run(self, run: str) -> SourceRun | None:
        row = await self._one("SELECT * FROM source_runs WHERE run = %s", [run])
        return _run(row) if row else None

    @override
    async def list_source_runs(
        self, *, source: str | None, before: str | None, limit: int
    ) -> Sequence[SourceRun]:
        async with self._pool.connection() as connection:
            found = await connection.execute(_LIST, {"source": source, "before": before, "limit": limit})
            return [_run(row) for row in await found.fetchall()]

    @override
    async def change_run(self, run: str, change: SourceRunChange) -> SourceRun:
        values = _values(change)
        pairs = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values]
        update = sql.SQL(
            "UPDATE source_runs SET {} WHERE run = {} AND state IN ('pending', 'running') RETURNING *"
        ).format(sql.SQL(", ").join(pairs), sql.Placeholder("run"))
        async with self._pool.connection() as connection:
            row = await (await connection.execute(update, values | {"run": run})).fetchone()
            if row is not None and change.position_after is not None:
                await connection.execute(
                    "UPDATE sources SET position = %s WHERE source = %s",
                    [change.position_after, row["source"]],
                )
        return _run(row) if row else await self._ended(run)

    @override
    async def cancel_source_run(self, run: str, message: Text, now: datetime) -> SourceRun:
        async with self._pool.connection() as connection:
            await connection.execute(_CANCEL, {"run": run, "en": message.en, "id": message.id, "now": now})
        return await self._ended(run)

    @override
    async def retry_source_run(self, run: str, message: Text, trace: Mapping[str, str]) -> SourceRun:
        values = {"run": run, "en": message.en, "id": message.id, "trace": Jsonb(dict(trace))}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_RETRY, values)).fetchone()
            if row is not None:
                await self._enqueue(connection, row["source"], run)
        return await self._ended(run)

    async def _ended(self, run: str) -> SourceRun:
        found = await self.get_source_run(run)
        if found is None:
            raise RuntimeError(f"there is no run {run}")
        return found

    async def _one(self, query: str, values: Sequence[Any]) -> DictRow | None:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query.encode(), values)).fetchone()


async def declared(connection: AsyncConnection[Any], source: str) -> str:
    """The present declaration of a source, within the connection's transaction."""
    found = await connection.execute("SELECT declaration FROM sources WHERE source = %s", [source])
    row = await found.fetchone()
    if row is None:
        raise RuntimeError(f"there is no source {source}")
    return str(row["declaration"])


def _run(row: DictRow) -> SourceRun:
    known = {key: value for key, value in row.items() if key not in {"message_en", "message_id"}}
    counts = tuple(RuleCount(rule, Severity(severity), rows) for rule, severity, rows in row["rule_counts"])
    known |= {
        "state": SourceRunState(row["state"]),
        "message": Text(en=row["message_en"], id=row["message_id"]),
        "rule_counts": counts,
        "lag": {int(partition): lag for partition, lag in row["lag"].items()},
    }
    return SourceRun(**known)


def _values(change: SourceRunChange) -> dict[str, Any]:
    plain = (
        "start_time", "end_time", "ceiling", "position_before", "position_after", "bytes_read", "commits",
        "snapshot_id", "error_reason", "holder",
    )  # fmt: skip
    values: dict[str, Any] = {name: getattr(change, name) for name in plain}
    values["state"] = change.state.value if change.state else None
    if change.message is not None:
        values |= {"message_en": change.message.en, "message_id": change.message.id}
    if change.rows is not None:
        names = ("rows_read", "rows_good", "rows_bad", "rows_deleted")
        values |= dict(zip(names, change.rows, strict=True))
    if change.lag is not None:
        values["lag"] = Jsonb({str(partition): lag for partition, lag in change.lag.items()})
    if change.rule_counts is not None:
        values["rule_counts"] = rule_counts_to_json(change.rule_counts)
    return {name: value for name, value in values.items() if value is not None}
