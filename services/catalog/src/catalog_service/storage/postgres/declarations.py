"""Declarations in PostgreSQL: what ApplyDataset, ApplyPolicy and ApplyGlossaryTerm keep.

GetDataset, ListDatasets, ListPolicies, ListGlossaryTerms and DecideAccess are answered from it, by way of `changes`.
"""

from psycopg.rows import DictRow

from catalog_service.storage.ports import Changes, Declaration, DeclarationStore, Kind, Revision
from catalog_service.storage.postgres.transactions import CHANGE_LOCK, Pool, lock, transaction

__all__ = ["PostgresDeclarationStore"]

_COLUMNS = "kind, name, declaration, digest, revision, create_time, update_time, change_id"

_FIND = f"SELECT {_COLUMNS} FROM declarations WHERE kind = %(kind)s AND name = %(name)s"  # noqa: S608 (constants)

_KEEP = f"""
INSERT INTO declarations AS d (kind, name, declaration, digest, revision, change_id)
VALUES (%(kind)s, %(name)s, %(text)s, %(digest)s, 1, nextval('catalog_changes'))
ON CONFLICT (kind, name) DO UPDATE
SET declaration = excluded.declaration, digest = excluded.digest, revision = d.revision + 1,
    update_time = now(), change_id = excluded.change_id
RETURNING {_COLUMNS}
"""  # noqa: S608 (constants)

_KEEP_HISTORY = """
INSERT INTO declaration_history (kind, name, revision, declaration, username)
VALUES (%(kind)s, %(name)s, %(revision)s, %(text)s, %(username)s)
"""

_CHANGED = f"SELECT {_COLUMNS} FROM declarations WHERE change_id > %s ORDER BY change_id"  # noqa: S608 (constants)
_CHANGED_TABLES = "SELECT dataset, columns, change_id FROM table_columns WHERE change_id > %s"
_HISTORY = """
SELECT revision, declaration, username, change_time FROM declaration_history
WHERE kind = %s AND name = %s ORDER BY revision
"""


def _declaration(row: DictRow) -> Declaration:
    return Declaration(
        kind=Kind(row["kind"]),
        name=row["name"],
        text=row["declaration"],
        digest=row["digest"],
        revision=row["revision"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        change_id=row["change_id"],
    )


class PostgresDeclarationStore(DeclarationStore):
    """Declarations in the tables declarations and declaration_history."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def apply_declaration(
        self, kind: Kind, name: str, text: str, digest: bytes, username: str, *, only_new: bool = False
    ) -> Declaration:
        """See the port."""
        values = {"kind": kind, "name": name, "text": text, "digest": digest, "username": username}
        async with transaction(self._pool) as connection:
            await lock(connection, CHANGE_LOCK)
            row = await (await connection.execute(_FIND, values)).fetchone()
            if row is not None and (only_new or row["digest"] == digest):
                return _declaration(row)
            row = await (await connection.execute(_KEEP, values)).fetchone()
            assert row is not None  # noqa: S101 (RETURNING gives the row)
            await connection.execute(_KEEP_HISTORY, values | {"revision": row["revision"]})
            return _declaration(row)

    async def changes(self, after: int) -> Changes:
        """See the port."""
        async with transaction(self._pool) as connection:
            # One view for both queries; else a change between them could be passed over.
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            rows = await (await connection.execute(_CHANGED, [after])).fetchall()
            tables = await (await connection.execute(_CHANGED_TABLES, [after])).fetchall()
        return Changes(
            declarations=[_declaration(row) for row in rows],
            table_columns={row["dataset"]: tuple(row["columns"]) for row in tables},
            last=max([after, *(row["change_id"] for row in (*rows, *tables))]),
        )

    async def history(self, kind: Kind, name: str) -> list[Revision]:
        """See the port."""
        async with transaction(self._pool) as connection:
            rows = await (await connection.execute(_HISTORY, [kind, name])).fetchall()
        return [
            Revision(row["revision"], row["declaration"], row["username"], row["change_time"]) for row in rows
        ]
