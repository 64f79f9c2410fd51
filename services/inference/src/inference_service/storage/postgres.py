"""The registry in PostgreSQL."""

from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from typing_extensions import override

from inference_service.domain.model import Deployment, ModelVersion, Signature, TensorSpec
from inference_service.domain.names import VersionRef
from inference_service.errors import version_not_found
from inference_service.storage.store import RegistryStore, VersionPage

__all__ = ["PostgresRegistryStore"]

_INSERT = """
INSERT INTO model_versions (
    model, version, description, signature, training_snapshots, metrics,
    sha256, size_bytes, object_key, creator, create_time, request_id
)
SELECT %(model)s, coalesce(max(version), 0) + 1, %(description)s, %(signature)s, %(training_snapshots)s,
    %(metrics)s, %(sha256)s, %(size_bytes)s, %(object_key)s, %(creator)s, %(create_time)s, %(request_id)s
FROM model_versions WHERE model = %(model)s
RETURNING *
"""
_KNOWN = """
SELECT * FROM model_versions
WHERE model = %(model)s AND (sha256 = %(sha256)s OR request_id = %(request_id)s)
ORDER BY version LIMIT 1
"""
_LIST = """
SELECT * FROM model_versions
WHERE (%(model)s::text IS NULL OR model = %(model)s) AND (%(before)s::bigint IS NULL OR position < %(before)s)
ORDER BY position DESC LIMIT %(limit)s
"""
_DEPLOY = """
INSERT INTO deployments (model, version, deployer, create_time)
VALUES (%(model)s, %(version)s, %(deployer)s, %(create_time)s)
ON CONFLICT (model) DO UPDATE
SET version = excluded.version, deployer = excluded.deployer, create_time = excluded.create_time
"""


class PostgresRegistryStore(RegistryStore):
    """DeployModelVersion and UndeployModel set and delete rows of `deployments`.

    Numbers are given under an advisory lock per model, so that they count without gaps.
    """

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> None:
        self._pool = pool

    @override
    async def register_model_version(self, version: ModelVersion) -> ModelVersion:
        values = _values_of(version)
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('model:' || %s, 0))", [version.ref.model]
            )
            known = await (await connection.execute(_KNOWN, values)).fetchone()
            if known is not None:
                return _version_of(known)
            return _version_of(await _one(await connection.execute(_INSERT, values)))

    @override
    async def find_by_request(self, model: str, request_id: str) -> ModelVersion | None:
        return await self._find(
            "SELECT * FROM model_versions WHERE model = %s AND request_id = %s", [model, request_id]
        )

    @override
    async def find_by_sha256(self, model: str, sha256: str) -> ModelVersion | None:
        return await self._find(
            "SELECT * FROM model_versions WHERE model = %s AND sha256 = %s", [model, sha256]
        )

    @override
    async def get_model_version(self, ref: VersionRef) -> ModelVersion:
        found = await self._find(
            "SELECT * FROM model_versions WHERE model = %s AND version = %s", [ref.model, ref.version]
        )
        if found is None:
            raise version_not_found(str(ref))
        return found

    @override
    async def list_model_versions(self, model: str | None, *, limit: int, before: int | None) -> VersionPage:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_LIST, {"model": model, "before": before, "limit": limit + 1})
            rows = await cursor.fetchall()
        more = len(rows) > limit
        rows = rows[:limit]
        return VersionPage([_version_of(row) for row in rows], int(rows[-1]["position"]) if more else None)

    @override
    async def set_deployment(self, deployment: Deployment) -> Deployment | None:
        values = {
            "model": deployment.ref.model,
            "version": deployment.ref.version,
            "deployer": deployment.deployer,
            "create_time": deployment.create_time,
        }
        try:
            async with self._pool.connection() as connection, connection.transaction():
                cursor = await connection.execute(
                    "SELECT * FROM deployments WHERE model = %(model)s FOR UPDATE", values
                )
                before = await cursor.fetchone()
                await connection.execute(_DEPLOY, values)
        except ForeignKeyViolation as error:
            raise version_not_found(str(deployment.ref)) from error
        return None if before is None else _deployment_of(before)

    @override
    async def delete_deployment(self, model: str) -> Deployment | None:
        async with self._pool.connection() as connection:
            cursor = await connection.execute("DELETE FROM deployments WHERE model = %s RETURNING *", [model])
            row = await cursor.fetchone()
        return None if row is None else _deployment_of(row)

    @override
    async def list_deployments(self) -> list[Deployment]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute("SELECT * FROM deployments ORDER BY model")
            return [_deployment_of(row) for row in await cursor.fetchall()]

    async def _find(self, query: str, values: list[Any]) -> ModelVersion | None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(query.encode(), values)).fetchone()
        return None if row is None else _version_of(row)


async def _one(cursor: AsyncCursor[DictRow]) -> DictRow:
    row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("the insert returned no row")
    return row


def _specs_to_json(specs: tuple[TensorSpec, ...]) -> list[dict[str, Any]]:
    return [{"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)} for spec in specs]


def _specs_of(documents: list[dict[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(str(spec["name"]), str(spec["datatype"]), tuple(int(length) for length in spec["shape"]))
        for spec in documents
    )


def _values_of(version: ModelVersion) -> dict[str, Any]:
    return {
        "model": version.ref.model,
        "description": version.description,
        "signature": Jsonb(
            {
                "inputs": _specs_to_json(version.signature.inputs),
                "outputs": _specs_to_json(version.signature.outputs),
            }
        ),
        "training_snapshots": list(version.training_snapshots),
        "metrics": Jsonb(dict(version.metrics)),
        "sha256": version.sha256,
        "size_bytes": version.size_bytes,
        "object_key": version.object_key,
        "creator": version.creator,
        "create_time": version.create_time,
        "request_id": version.request_id or None,
    }


def _version_of(row: DictRow) -> ModelVersion:
    signature = row["signature"]
    return ModelVersion(
        ref=VersionRef(row["model"], row["version"]),
        description=row["description"],
        signature=Signature(_specs_of(signature["inputs"]), _specs_of(signature["outputs"])),
        training_snapshots=tuple(row["training_snapshots"]),
        metrics={str(name): float(value) for name, value in row["metrics"].items()},
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        object_key=row["object_key"],
        creator=row["creator"],
        create_time=row["create_time"],
        request_id=row["request_id"] or "",
    )


def _deployment_of(row: DictRow) -> Deployment:
    return Deployment(VersionRef(row["model"], row["version"]), row["deployer"], row["create_time"])
