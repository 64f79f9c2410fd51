"""The audit log in PostgreSQL; DecideAccess puts its decisions there too."""

from collections.abc import AsyncIterator, Sequence

from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow

from catalog_service.domain.audit import Entry, Head, Recorded, chain, head_mac, unique
from catalog_service.errors import AuditLogBrokenError
from catalog_service.storage.ports import AuditStore
from catalog_service.storage.postgres.transactions import AUDIT_LOCK, Pool, lock, transaction

__all__ = ["PostgresAuditStore"]

_HEAD = "SELECT sequence, hash, mac FROM audit_head"
_KNOWN = "SELECT uid::text AS uid FROM audit_entries WHERE uid = ANY(%s::uuid[])"
_APPEND = """
INSERT INTO audit_entries (sequence, uid, time, username, authorized_party, action, resource, outcome, detail,
                           policy_version, trace_id, hash)
SELECT * FROM unnest(%s::bigint[], %s::uuid[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[],
                     %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[])
"""
_MOVE_ON = "UPDATE audit_head SET sequence = %s, hash = %s, mac = %s"
_LIST = """
SELECT * FROM audit_entries
WHERE sequence < %(before)s
  AND (%(resource)s = '' OR resource = %(resource)s)
  AND (%(username)s = '' OR username = %(username)s)
ORDER BY sequence DESC LIMIT %(limit)s
"""
_NEXT = "SELECT * FROM audit_entries WHERE sequence > %s ORDER BY sequence LIMIT %s"
_NEWEST = 2**63 - 1
_BATCH = 2_000


def _recorded(row: DictRow) -> Recorded:
    entry = Entry(
        uid=str(row["uid"]),
        time=row["time"],
        username=row["username"],
        authorized_party=row["authorized_party"],
        action=row["action"],
        resource=row["resource"],
        outcome=row["outcome"],
        detail=row["detail"],
        policy_version=row["policy_version"],
        trace_id=row["trace_id"],
    )
    return Recorded(row["sequence"], entry, row["hash"])


def _values(recorded: Recorded) -> tuple[object, ...]:
    entry = recorded.entry
    return (
        recorded.sequence,
        entry.uid,
        entry.time,
        entry.username,
        entry.authorized_party,
        entry.action,
        entry.resource,
        entry.outcome,
        entry.detail,
        entry.policy_version,
        entry.trace_id,
        recorded.hash,
    )


def _head(row: DictRow | None) -> Head | None:
    return None if row is None else Head(row["sequence"], row["hash"], row["mac"])


class PostgresAuditStore(AuditStore):
    """The log in audit_entries, its end in audit_head; one writer at a time by an advisory lock."""

    def __init__(self, pool: Pool, key: bytes = b"") -> None:
        self._pool = pool
        self._key = key

    async def record_audit_entries(self, entries: Sequence[Entry]) -> Head:
        """See the port."""
        async with transaction(self._pool) as connection:
            await lock(connection, AUDIT_LOCK)
            head = _head(await (await connection.execute(_HEAD)).fetchone())
            if head is None:
                raise AuditLogBrokenError
            known = await (await connection.execute(_KNOWN, [[entry.uid for entry in entries]])).fetchall()
            recorded = chain(head, unique(entries, (row["uid"] for row in known)))
            if not recorded:
                return head
            columns = [list(column) for column in zip(*map(_values, recorded), strict=True)]
            try:
                await connection.execute(_APPEND, columns)
            except UniqueViolation as error:
                # Uids were looked up under the lock, so it is a sequence: somebody put an entry behind the end.
                raise AuditLogBrokenError from error
            last = recorded[-1]
            head = Head(last.sequence, last.hash, head_mac(self._key, last.sequence, last.hash))
            await connection.execute(_MOVE_ON, [head.sequence, head.hash, head.mac])
        return head

    async def list_audit_entries(
        self, before: int | None, limit: int, resource: str, username: str
    ) -> list[Recorded]:
        """See the port."""
        values = {
            "before": _NEWEST if before is None else before,
            "resource": resource,
            "username": username,
            "limit": limit,
        }
        async with transaction(self._pool) as connection:
            rows = await (await connection.execute(_LIST, values)).fetchall()
        return [_recorded(row) for row in rows]

    async def read_audit_log(self) -> AsyncIterator[Sequence[Recorded] | Head | None]:
        """What VerifyAuditLog walks; see the port."""
        async with transaction(self._pool) as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            last = 0
            while True:
                rows = await (await connection.execute(_NEXT, [last, _BATCH])).fetchall()
                if not rows:
                    break
                last = rows[-1]["sequence"]
                yield [_recorded(row) for row in rows]
            yield _head(await (await connection.execute(_HEAD)).fetchone())
