"""Submissions in PostgreSQL."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from typing_extensions import override

from ingest_service.domain.submission import Step, StepAction, Submission, SubmissionState
from ingest_service.storage.ports import Moved, SubmissionChange, SubmissionStore
from ingest_service.storage.postgres_uploads import Enqueue
from ingest_service.storage.rows import (
    PUBLICATION_COLUMNS,
    SUBMISSIONS,
    replaced_to_json,
    rule_counts_to_json,
    step_from_row,
    submission_from_row,
)
from servicekit.telemetry import QueueState

__all__ = ["PostgresSubmissionStore"]

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[DictRow]]

_LIST = f"""{SUBMISSIONS}
WHERE (%(owner)s::text IS NULL OR s.owner = %(owner)s)
  AND (%(dataset)s::text IS NULL OR s.dataset = %(dataset)s)
  AND (%(before)s::text IS NULL OR s.submission_id < %(before)s)
ORDER BY s.submission_id DESC LIMIT %(limit)s"""
_PUBLISHED = f"""{SUBMISSIONS}
WHERE s.dataset = %s AND s.sha256 = %s AND s.revision = %s AND s.state = 'published' AND s.snapshot_id IS NOT NULL
ORDER BY s.update_time DESC LIMIT 1"""
_FINAL = "'published', 'rejected', 'failed', 'reverted', 'withdrawn'"
_GONE = "'rejected', 'failed', 'reverted', 'withdrawn'"
# What a person has been asked about, or has decided, is not taken back by a process that was slow to validate.
_UNDECIDED = """state NOT IN ('validated', 'certified', 'reverting') AND NOT EXISTS (
    SELECT 1 FROM submission_publications p WHERE p.submission_id = submissions.submission_id AND p.certifier <> '')"""
_BEFORE_DECISION = frozenset({SubmissionState.VALIDATING, SubmissionState.VALIDATED})
# A claim passes on only from a submission that will not publish any more.
_CLAIM = f"""INSERT INTO content_claims (dataset, sha256, revision, submission_id)
VALUES (%(dataset)s, %(sha256)s, %(revision)s, %(submission_id)s)
ON CONFLICT (dataset, sha256, revision) DO UPDATE SET submission_id = EXCLUDED.submission_id
WHERE content_claims.submission_id IN (SELECT s.submission_id FROM submissions s WHERE s.state IN ({_GONE}))"""  # noqa: S608 - constants
_QUEUE = """SELECT count(*) FILTER (WHERE state = 'pending') AS waiting,
       count(*) FILTER (WHERE state <> 'pending') AS running,
       coalesce(extract(epoch FROM now() - min(create_time) FILTER (WHERE state = 'pending')), 0)::float8 AS oldest
FROM submissions WHERE state IN ('pending', 'validating', 'publishing', 'certified', 'reverting')"""
_CLAIMED = """SELECT submission_id FROM content_claims
WHERE dataset = %(dataset)s AND sha256 = %(sha256)s AND revision = %(revision)s"""
_STEP = """INSERT INTO submission_steps
    (submission_id, action, state, actor, actor_name, reason, content_digest, request_id)
VALUES (%(submission_id)s, %(action)s, %(state)s, %(actor)s, %(actor_name)s, %(reason)s, %(content_digest)s, %(request_id)s)"""
_STEPS = "SELECT * FROM submission_steps WHERE submission_id = %s ORDER BY step_id OFFSET %s LIMIT %s"
# Of one dataset, one publication is concluded at a time: each sees those before and after it.
_IN_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('lumbung publications ' || dataset, 0)) FROM submissions WHERE submission_id = %s"
_REPLACES = "(newer.mode = 'overwrite' OR (newer.mode = 'replace' AND older.replaced <> '[]' AND newer.replaced @> older.replaced))"
_SUPERSEDE = f"""UPDATE submission_publications older SET superseded_by = newer.submission_id
FROM submission_publications newer, submissions s
WHERE newer.submission_id = %(id)s AND s.submission_id = older.submission_id AND s.state = 'published'
  AND s.dataset = (SELECT dataset FROM submissions WHERE submission_id = %(id)s)
  AND older.superseded_by IS NULL AND older.sequence < newer.sequence AND {_REPLACES}"""  # noqa: S608 - constants
_SUPERSEDED = f"""UPDATE submission_publications SET superseded_by = (
    SELECT newer.submission_id FROM submission_publications newer JOIN submissions s USING (submission_id),
        submission_publications older
    WHERE older.submission_id = %(id)s AND s.state = 'published' AND newer.sequence > older.sequence AND {_REPLACES}
      AND s.dataset = (SELECT dataset FROM submissions WHERE submission_id = %(id)s)
    ORDER BY newer.sequence LIMIT 1)
WHERE submission_id = %(id)s"""  # noqa: S608 - constants
_MENDED = f"""SELECT r.source_row FROM corrected_rows r JOIN submissions s ON s.submission_id = r.correction
WHERE r.submission_id = %s AND s.state NOT IN ({_GONE}) AND r.correction <> %s"""  # noqa: S608 - constants
_GIVE_UP = f"""DELETE FROM corrected_rows r USING submissions s
WHERE s.submission_id = r.correction AND s.state IN ({_GONE}) AND r.submission_id = %s"""  # noqa: S608 - constants
_CLAIM_ROWS = """INSERT INTO corrected_rows (submission_id, source_row, correction)
SELECT %s, unnest(%s::bigint[]), %s ON CONFLICT DO NOTHING"""
_TAKEN = "SELECT source_row FROM corrected_rows WHERE submission_id = %s AND source_row = ANY(%s) AND correction <> %s ORDER BY 1"


class PostgresSubmissionStore(SubmissionStore):
    """Submissions in PostgreSQL. `enqueue` queues a submission's work on the given connection."""

    def __init__(self, pool: Pool, enqueue: Enqueue) -> None:
        self._pool, self._enqueue = pool, enqueue

    @override
    async def get_submission(self, submission_id: str) -> Submission | None:
        async with self._pool.connection() as connection:
            return await _find(connection, submission_id)

    @override
    async def list_submissions(
        self, *, owner: str | None, dataset: str | None, before: str | None, limit: int
    ) -> Sequence[Submission]:
        values = {"owner": owner, "dataset": dataset, "before": before, "limit": limit}
        async with self._pool.connection() as connection:
            found = await connection.execute(_LIST, values)
            return [submission_from_row(row) for row in await found.fetchall()]

    @override
    async def change_submission(self, submission_id: str, change: SubmissionChange) -> Submission:
        async with self._pool.connection() as connection:
            return await _change(connection, submission_id, change)

    @override
    async def move_submission(
        self,
        submission_id: str,
        step: Step,
        change: SubmissionChange,
        allowed: AbstractSet[SubmissionState],
        *,
        queued: bool,
    ) -> Moved:
        async with self._pool.connection() as connection:
            await connection.execute(
                "SELECT 1 FROM submissions WHERE submission_id = %s FOR UPDATE", [submission_id]
            )
            present = await _get(connection, submission_id)
            if step.request_id is not None:
                found = await connection.execute(
                    "SELECT * FROM submission_steps WHERE submission_id = %s AND request_id = %s",
                    [submission_id, step.request_id],
                )
                if (row := await found.fetchone()) is not None:
                    return Moved(present, done=False, earlier=step_from_row(row))
            if present.state not in allowed:
                return Moved(present, done=False)
            await _write(connection, submission_id, change, final=True)
            await _add_step(connection, submission_id, step)
            if queued:
                await self._enqueue(connection, submission_id)
            return Moved(await _get(connection, submission_id), done=True)

    @override
    async def list_steps(self, submission_id: str, after: int, limit: int) -> Sequence[Step]:
        async with self._pool.connection() as connection:
            found = await connection.execute(_STEPS, [submission_id, after, limit])
            return [step_from_row(row) for row in await found.fetchall()]

    @override
    async def conclude_publication(self, submission_id: str, change: SubmissionChange) -> Submission:
        async with self._pool.connection() as connection:
            await connection.execute(_IN_TURN, [submission_id])
            await _change(connection, submission_id, change)
            await connection.execute(_SUPERSEDE, {"id": submission_id})
            await connection.execute(_SUPERSEDED, {"id": submission_id})
            return await _get(connection, submission_id)

    @override
    async def conclude_revert(self, submission_id: str, change: SubmissionChange) -> Submission:
        async with self._pool.connection() as connection:
            await connection.execute(_IN_TURN, [submission_id])
            found = await connection.execute(
                "SELECT submission_id FROM submission_publications WHERE superseded_by = %s", [submission_id]
            )
            back = [row["submission_id"] for row in await found.fetchall()]
            await _change(connection, submission_id, change)
            await connection.execute(
                "UPDATE submissions SET state = 'reverted', update_time = now() WHERE same_as = %s AND state = 'published'",
                [submission_id],
            )
            for other in back:
                await connection.execute(_SUPERSEDED, {"id": other})
            return await _get(connection, submission_id)

    @override
    async def list_corrections(self, submission_id: str) -> Sequence[Submission]:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                f"{SUBMISSIONS} WHERE c.correction_of = %s ORDER BY s.submission_id", [submission_id]
            )
            return [submission_from_row(row) for row in await found.fetchall()]

    @override
    async def claim_rows(self, correction: Submission, rows: Sequence[int]) -> Sequence[int]:
        own, mended = correction.submission_id, correction.correction_of
        async with self._pool.connection() as connection:
            await connection.execute(_GIVE_UP, [mended])
            # A correction that is validated again has claimed before.
            await connection.execute("DELETE FROM corrected_rows WHERE correction = %s", [own])
            claimed = await connection.execute(_CLAIM_ROWS, [mended, list(rows), own])
            if claimed.rowcount == len(rows):
                return []
            found = await connection.execute(_TAKEN, [mended, list(rows), own])
            taken = [int(row["source_row"]) for row in await found.fetchall()]
            await connection.rollback()
        return taken

    @override
    async def mended_rows(self, submission_id: str, *, but: str = "") -> AbstractSet[int]:
        async with self._pool.connection() as connection:
            found = await connection.execute(_MENDED, [submission_id, but])
            return {int(row["source_row"]) for row in await found.fetchall()}

    @override
    async def find_published(self, dataset: str, sha256: str, revision: int) -> Submission | None:
        async with self._pool.connection() as connection:
            found = await connection.execute(_PUBLISHED, [dataset, sha256, revision])
            row = await found.fetchone()
        return submission_from_row(row) if row else None

    @override
    async def claim_content(self, submission: Submission) -> str:
        values = {
            "dataset": submission.dataset,
            "sha256": submission.sha256,
            "revision": submission.revision,
            "submission_id": submission.submission_id,
        }
        async with self._pool.connection() as connection:
            await connection.execute(_CLAIM, values)
            row = await (await connection.execute(_CLAIMED, values)).fetchone()
        return str(row["submission_id"]) if row else submission.submission_id

    @override
    async def queue_state(self) -> QueueState:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_QUEUE)).fetchone()
        if row is None:
            raise RuntimeError("submissions cannot be counted")
        return QueueState(row["waiting"], row["running"], row["oldest"])


async def _find(connection: AsyncConnection[DictRow], submission_id: str) -> Submission | None:
    found = await connection.execute(f"{SUBMISSIONS} WHERE s.submission_id = %s", [submission_id])
    row = await found.fetchone()
    return submission_from_row(row) if row else None


async def _get(connection: AsyncConnection[DictRow], submission_id: str) -> Submission:
    found = await _find(connection, submission_id)
    if found is None:
        raise RuntimeError(f"there is no submission {submission_id}")
    return found


async def _change(
    connection: AsyncConnection[DictRow], submission_id: str, change: SubmissionChange
) -> Submission:
    """The platform's own change of a submission that is not final, with a step where the state is another than before."""
    before = await connection.execute(
        "SELECT state FROM submissions WHERE submission_id = %s FOR UPDATE", [submission_id]
    )
    row = await before.fetchone()
    changed = await _write(connection, submission_id, change, final=False)
    if changed and row is not None and change.state is not None and row["state"] != change.state.value:
        await _add_step(connection, submission_id, Step(StepAction.MOVE, change.state))
    return await _get(connection, submission_id)


async def _write(
    connection: AsyncConnection[DictRow], submission_id: str, change: SubmissionChange, *, final: bool
) -> bool:
    """Writes new values; with `final` also over a final state. Whether there was anything to write over."""
    values = _values(change)
    own = {name: value for name, value in values.items() if name not in PUBLICATION_COLUMNS}
    pairs = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in own]
    update = sql.SQL("UPDATE submissions SET {} WHERE submission_id = {key} AND {free}").format(
        sql.SQL(", ").join([*pairs, sql.SQL("update_time = now()")]),
        key=sql.Placeholder("key"),
        free=_free(change, final=final),
    )
    done = await connection.execute(update, own | {"key": submission_id})
    if done.rowcount == 0:
        return False
    publication = {name: value for name, value in values.items() if name in PUBLICATION_COLUMNS}
    if publication:
        names = [sql.Identifier(name) for name in publication]
        upsert = sql.SQL(
            "INSERT INTO submission_publications (submission_id, {}) VALUES ({}, {})"
            " ON CONFLICT (submission_id) DO UPDATE SET {}"
        ).format(
            sql.SQL(", ").join(names),
            sql.Placeholder("key"),
            sql.SQL(", ").join(map(sql.Placeholder, publication)),
            sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(name) for name in names),
        )
        await connection.execute(upsert, publication | {"key": submission_id})
    return True


def _free(change: SubmissionChange, *, final: bool) -> sql.SQL:
    """What has to hold for a change to be written."""
    if final:
        return sql.SQL("true")
    if change.state in _BEFORE_DECISION:
        return sql.SQL(f"state NOT IN ({_FINAL}) AND {_UNDECIDED}")
    return sql.SQL(f"state NOT IN ({_FINAL})")


async def _add_step(connection: AsyncConnection[DictRow], submission_id: str, step: Step) -> None:
    await connection.execute(
        _STEP,
        {
            "submission_id": submission_id,
            "action": step.action.value,
            "state": step.state.value,
            "actor": step.actor,
            "actor_name": step.actor_name,
            "reason": step.reason,
            "content_digest": step.content_digest,
            "request_id": step.request_id,
        },
    )


def _values(change: SubmissionChange) -> dict[str, Any]:
    values: dict[str, Any] = {
        "state": change.state.value if change.state else None,
        "sha256": change.sha256,
        "revision": change.revision,
        "snapshot_id": change.snapshot_id,
        "findings_kept": change.findings_kept,
        "same_as": change.same_as,
        "content_digest": change.content_digest,
        "staged": change.staged,
        "certifier": change.certifier,
        "mode": change.mode,
        "sequence": change.sequence,
        "revert_snapshot_id": change.revert_snapshot_id,
    }
    if change.message is not None:
        values |= {"message_en": change.message.en, "message_id": change.message.id}
    if change.rows is not None:
        values |= dict(zip(("rows_read", "rows_good", "rows_bad"), change.rows, strict=True))
    if change.control_totals is not None:
        values["control_totals"] = Jsonb(dict(change.control_totals))
    if change.rule_counts is not None:
        values["rule_counts"] = rule_counts_to_json(change.rule_counts)
    if change.replaced is not None:
        values["replaced"] = replaced_to_json(change.replaced)
    return {name: value for name, value in values.items() if value is not None}
