"""Pipelines and runs in PostgreSQL."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from typing_extensions import override

from compute_service.domain.runs import LogLine, Outcome, Run, RunState, StoredPipeline
from compute_service.ports.stores import PipelineStore, RunStore
from servicekit.errors import Text
from servicekit.postgres import connection_info, outages
from servicekit.settings import PostgresSettings
from servicekit.telemetry import QueueState

__all__ = ["PostgresPipelineStore", "PostgresRunStore"]

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[DictRow]]
_DIRECT = {
    "tasks_done", "tasks_total", "rows_read", "attempt", "cancel_requested", "start_time", "end_time",
}  # fmt: skip
_JSON = {"rows_written", "inputs"}


@asynccontextmanager
async def _connection(pool: Pool) -> AsyncIterator[AsyncConnection[DictRow]]:
    """A connection in a transaction; a database that is away is an UnavailableError."""
    with outages():
        async with pool.connection() as connection:
            yield connection


class PostgresPipelineStore(PipelineStore):
    """Table `pipelines`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @override
    async def apply_pipeline(self, pipeline: str, declaration: str) -> StoredPipeline:
        async with _connection(self._pool) as connection:
            await connection.execute(
                """
                INSERT INTO pipelines AS kept (pipeline, declaration, revision, update_time) VALUES (%s, %s, 1, now())
                ON CONFLICT (pipeline) DO UPDATE
                SET declaration = excluded.declaration, revision = kept.revision + 1, update_time = now()
                WHERE kept.declaration <> excluded.declaration
                """,
                [pipeline, declaration],
            )
        found = await self.get_pipeline(pipeline)
        if found is None:
            raise RuntimeError(f"pipeline {pipeline} was not kept")
        return found

    @override
    async def get_pipeline(self, pipeline: str) -> StoredPipeline | None:
        async with _connection(self._pool) as connection:
            cursor = await connection.execute("SELECT * FROM pipelines WHERE pipeline = %s", [pipeline])
            row = await cursor.fetchone()
        return StoredPipeline(**row) if row else None

    @override
    async def list_pipelines(self, after: str, limit: int) -> list[StoredPipeline]:
        async with _connection(self._pool) as connection:
            cursor = await connection.execute(
                'SELECT * FROM pipelines WHERE pipeline > %s COLLATE "C" ORDER BY pipeline COLLATE "C" LIMIT %s',
                [after, limit],
            )
            return [StoredPipeline(**row) for row in await cursor.fetchall()]


class PostgresRunStore(RunStore):
    """Tables `runs` and `run_log`: RunPipeline creates a run, CancelRun updates it.

    A claim is an advisory lock on a connection of its own.
    """

    def __init__(self, pool: Pool, settings: PostgresSettings) -> None:
        self._pool, self._settings = pool, settings

    @override
    async def create_run(self, run: Run) -> Run:
        async with _connection(self._pool) as connection:
            await connection.execute(
                """
                INSERT INTO runs (run, pipeline, state, revision, declaration, creator, request_id, decisions, trace,
                                  trace_id, create_time)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                ON CONFLICT (pipeline, creator, request_id) WHERE request_id IS NOT NULL DO NOTHING
                """,
                [
                    run.run, run.pipeline, run.state, run.revision, run.declaration, run.creator, run.request_id,
                    Jsonb(dict(run.decisions)), Jsonb(dict(run.trace)), run.trace_id, run.create_time,
                ],
            )  # fmt: skip
            cursor = await connection.execute(
                """
                SELECT * FROM runs WHERE run = %s
                OR (pipeline = %s AND creator = %s AND request_id = %s) ORDER BY run = %s DESC LIMIT 1
                """,
                [run.run, run.pipeline, run.creator, run.request_id, run.run],
            )
            row = await cursor.fetchone()
        if row is None:
            raise RuntimeError(f"run {run.run} was not kept")
        return _run(row)

    @override
    async def get_run(self, run: str) -> Run | None:
        async with _connection(self._pool) as connection:
            cursor = await connection.execute("SELECT * FROM runs WHERE run = %s", [run])
            row = await cursor.fetchone()
        return _run(row) if row else None

    @override
    async def list_runs(self, pipeline: str | None, after: str, limit: int) -> list[Run]:
        async with _connection(self._pool) as connection:
            cursor = await connection.execute(
                """
                SELECT * FROM runs
                WHERE (%(pipeline)s::text IS NULL OR pipeline = %(pipeline)s)
                  AND (%(after)s = '' OR (create_time, run) < (SELECT create_time, run FROM runs WHERE run = %(after)s))
                ORDER BY create_time DESC, run DESC LIMIT %(limit)s
                """,
                {"pipeline": pipeline, "after": after, "limit": limit},
            )
            return [_run(row) for row in await cursor.fetchall()]

    @override
    async def list_open_runs(self, limit: int) -> list[Run]:
        async with _connection(self._pool) as connection:
            cursor = await connection.execute(
                "SELECT * FROM runs WHERE state IN ('pending', 'running') ORDER BY create_time LIMIT %s",
                [limit],
            )
            return [_run(row) for row in await cursor.fetchall()]

    @override
    async def queue_state(self) -> QueueState:
        async with _connection(self._pool) as connection:
            cursor = await connection.execute(
                """
                SELECT count(*) FILTER (WHERE state = 'pending') AS waiting,
                       count(*) FILTER (WHERE state = 'running') AS running,
                       coalesce(extract(epoch FROM now() - min(create_time) FILTER (WHERE state = 'pending')), 0)::float8
                         AS oldest
                FROM runs WHERE state IN ('pending', 'running')
                """
            )
            row = await cursor.fetchone()
        if row is None:
            raise RuntimeError("runs cannot be counted")
        return QueueState(row["waiting"], row["running"], row["oldest"])

    @override
    async def update_run(self, run: str, **changes: Any) -> Run | None:
        columns = _columns(changes)
        statement = sql.SQL(
            "UPDATE runs SET {} WHERE run = %s AND state IN ('pending', 'running') RETURNING *"
        ).format(
            sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in columns),
        )
        async with _connection(self._pool) as connection:
            cursor = await connection.execute(statement, [*columns.values(), run])
            row = await cursor.fetchone()
        return _run(row) if row else None

    @override
    async def add_log(self, run: str, level: str, text: Text) -> None:
        async with _connection(self._pool) as connection:
            await connection.execute(
                "INSERT INTO run_log (run, time, level, text_en, text_id) VALUES (%s, clock_timestamp(), %s, %s, %s)",
                [run, level, text.en, text.id],
            )

    @override
    async def read_run_log(self, run: str, after: int, limit: int) -> Sequence[LogLine]:
        async with _connection(self._pool) as connection:
            cursor = await connection.execute(
                "SELECT * FROM run_log WHERE run = %s AND number > %s ORDER BY number LIMIT %s",
                [run, after, limit],
            )
            return [
                LogLine(
                    row["number"],
                    row["time"].astimezone(UTC),
                    row["level"],
                    Text(en=row["text_en"], id=row["text_id"]),
                )
                for row in await cursor.fetchall()
            ]

    @override
    @asynccontextmanager
    async def claim(self, run: str) -> AsyncIterator[bool]:
        with outages():
            connection = await AsyncConnection.connect(connection_info(self._settings), autocommit=True)
        try:
            cursor = await connection.execute(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"run:{run}"]
            )
            row = await cursor.fetchone()
            yield bool(row and row[0])
        finally:
            await connection.close()


def _columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, value in changes.items():
        if name in _DIRECT:
            columns[name] = value
        elif name in _JSON:
            columns[name] = Jsonb(dict(value))
        elif name == "state":
            columns[name] = RunState(value).value
        elif name == "message":
            columns["message_en"], columns["message_id"] = value.en, value.id
        elif name == "snapshots":
            columns[name] = Jsonb(list(value))
        elif name == "expectations":
            columns[name] = Jsonb(
                [[o.expectation, o.passed, o.severity, o.message.en, o.message.id] for o in value]
            )
        else:
            raise ValueError(f"{name} of a run cannot change")
    return columns


def _run(row: DictRow) -> Run:
    def moment(name: str) -> datetime | None:
        value: datetime | None = row[name]
        return value.astimezone(UTC) if value else None

    return Run(
        pipeline=row["pipeline"],
        run=row["run"],
        state=RunState(row["state"]),
        revision=row["revision"],
        declaration=row["declaration"],
        creator=row["creator"],
        create_time=row["create_time"].astimezone(UTC),
        decisions=row["decisions"],
        trace=row["trace"],
        trace_id=row["trace_id"],
        request_id=row["request_id"],
        message=Text(en=row["message_en"], id=row["message_id"]),
        tasks_done=row["tasks_done"],
        tasks_total=row["tasks_total"],
        rows_read=row["rows_read"],
        rows_written=row["rows_written"],
        snapshots=tuple(row["snapshots"]),
        expectations=tuple(Outcome(a, b, c, Text(en=d, id=e)) for a, b, c, d, e in row["expectations"]),
        inputs=row["inputs"],
        attempt=row["attempt"],
        cancel_requested=row["cancel_requested"],
        start_time=moment("start_time"),
        end_time=moment("end_time"),
    )
