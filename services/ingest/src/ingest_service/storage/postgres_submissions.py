"""Submissions in PostgreSQL."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from typing_extensions import override

from ingest_service.domain.submission import Submission
from ingest_service.storage.ports import SubmissionChange, SubmissionStore
from ingest_service.storage.rows import rule_counts_to_json, submission_from_row
from servicekit.telemetry import QueueState

__all__ = ["PostgresSubmissionStore"]

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[DictRow]]

_LIST = """SELECT * FROM submissions
WHERE (%(owner)s::text IS NULL OR owner = %(owner)s)
  AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
  AND (%(before)s::text IS NULL OR submission_id < %(before)s)
ORDER BY submission_id DESC LIMIT %(limit)s"""
_PUBLISHED = """SELECT * FROM submissions
WHERE dataset = %s AND sha256 = %s AND revision = %s AND state = 'published' AND snapshot_id IS NOT NULL
ORDER BY update_time DESC LIMIT 1"""
# A claim passes on only from a submission that will not publish any more.
_CLAIM = """INSERT INTO content_claims (dataset, sha256, revision, submission_id)
VALUES (%(dataset)s, %(sha256)s, %(revision)s, %(submission_id)s)
ON CONFLICT (dataset, sha256, revision) DO UPDATE SET submission_id = EXCLUDED.submission_id
WHERE content_claims.submission_id IN (SELECT s.submission_id FROM submissions s WHERE s.state IN ('rejected', 'failed'))"""
_QUEUE = """SELECT count(*) FILTER (WHERE state = 'pending') AS waiting,
       count(*) FILTER (WHERE state <> 'pending') AS running,
       coalesce(extract(epoch FROM now() - min(create_time) FILTER (WHERE state = 'pending')), 0)::float8 AS oldest
FROM submissions WHERE state IN ('pending', 'validating', 'publishing')"""
_CLAIMED = """SELECT submission_id FROM content_claims
WHERE dataset = %(dataset)s AND sha256 = %(sha256)s AND revision = %(revision)s"""


class PostgresSubmissionStore(SubmissionStore):
    """Submissions in PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @override
    async def get_submission(self, submission_id: str) -> Submission | None:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "SELECT * FROM submissions WHERE submission_id = %s", [submission_id]
            )
            row = await found.fetchone()
        return submission_from_row(row) if row else None

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
        values = _values(change)
        pairs = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values]
        update = sql.SQL(
            "UPDATE submissions SET {}, update_time = now() WHERE submission_id = {}"
            " AND state NOT IN ('published', 'rejected', 'failed') RETURNING *"
        ).format(sql.SQL(", ").join(pairs), sql.Placeholder("key"))
        async with self._pool.connection() as connection:
            row = await (await connection.execute(update, values | {"key": submission_id})).fetchone()
            if row is None:
                found = await connection.execute(
                    "SELECT * FROM submissions WHERE submission_id = %s", [submission_id]
                )
                row = await found.fetchone()
        if row is None:
            raise RuntimeError(f"there is no submission {submission_id}")
        return submission_from_row(row)

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


def _values(change: SubmissionChange) -> dict[str, Any]:
    values: dict[str, Any] = {
        "state": change.state.value if change.state else None,
        "sha256": change.sha256,
        "revision": change.revision,
        "snapshot_id": change.snapshot_id,
        "findings_kept": change.findings_kept,
        "same_as": change.same_as,
    }
    if change.message is not None:
        values |= {"message_en": change.message.en, "message_id": change.message.id}
    if change.rows is not None:
        values |= dict(zip(("rows_read", "rows_good", "rows_bad"), change.rows, strict=True))
    if change.control_totals is not None:
        values["control_totals"] = Jsonb(dict(change.control_totals))
    if change.rule_counts is not None:
        values["rule_counts"] = rule_counts_to_json(change.rule_counts)
    return {name: value for name, value in values.items() if value is not None}
