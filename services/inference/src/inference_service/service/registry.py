"""Use cases of the registry: register, get, list."""

import asyncio
import contextlib
import hashlib
import math
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from inference_service.clients.ports import LineageRecorder
from inference_service.domain import limits
from inference_service.domain.model import ModelVersion, VersionDraft, check_signature
from inference_service.domain.names import ModelRef, VersionRef, parse_snapshot
from inference_service.engine.inspector import ModelInspector
from inference_service.errors import (
    IdempotencyError,
    ModelFileError,
    ModelTooLargeError,
    UploadOrderError,
)
from inference_service.storage.store import RegistryStore, VersionPage
from lake import ObjectStore
from lake.errors import ObjectExistsError
from servicekit.auth import Principal
from servicekit.errors import InvalidArgumentError, Text

__all__ = ["RegistryService"]


class RegistryService:
    """Files go to the object store, what is known of them to the registry's store."""

    def __init__(
        self, store: RegistryStore, objects: ObjectStore, inspector: ModelInspector, lineage: LineageRecorder
    ) -> None:
        self._store = store
        self._objects = objects
        self._inspector = inspector
        self._lineage = lineage

    async def register_model_version(
        self, principal: Principal, draft: VersionDraft, chunks: AsyncIterator[bytes]
    ) -> ModelVersion:
        """Checks a file, keeps it and gives it the next version number.

        The same file, or the same request id, gives the version that is there already.

        Raises:
            ModelFileError, ModelTooLargeError: the file may not be registered.
            SignatureError: the declared signature is not the file's.
            IdempotencyError: the request id came before, with another file.
            NotFoundError: a training dataset is not in the catalog.
        """
        datasets = _check_draft(draft)
        with tempfile.TemporaryDirectory(prefix="registration-") as folder:
            path = Path(folder) / "model.onnx"
            sha256, size = await _receive(chunks, path)
            version = await self._known(draft, sha256)
            if version is None:
                await self._lineage.check_datasets(datasets)
                version = await self._keep(principal, draft, path, sha256, size)
        # Also for a version that was there: an earlier call may have ended before this.
        used = [parse_snapshot(name, field="")[0] for name in version.training_snapshots]
        await self._lineage.record_training(list(dict.fromkeys(used)), version.ref)
        return version

    async def _known(self, draft: VersionDraft, sha256: str) -> ModelVersion | None:
        if draft.request_id:
            before = await self._store.find_by_request(draft.model, draft.request_id)
            if before is not None and before.sha256 != sha256:
                raise IdempotencyError(
                    Text(
                        en=f"The request id {draft.request_id!r} registered {before.ref} from another file.",
                        id=f"Id permintaan {draft.request_id!r} sudah dipakai {before.ref} dengan berkas lain.",
                    ),
                    Text(en="Use a new request id.", id="Pakai id permintaan baru."),
                    field="head.request_id",
                )
            if before is not None:
                return before
        return await self._store.find_by_sha256(draft.model, sha256)

    async def _keep(
        self, principal: Principal, draft: VersionDraft, path: Path, sha256: str, size: int
    ) -> ModelVersion:
        signature = await self._inspector.inspect(path)
        check_signature(draft, signature)
        # Under its own hash, before the number is known: of two racing registrations both may win the file.
        key = f"models/{draft.model}/{sha256}.onnx"
        content = await asyncio.to_thread(path.read_bytes)
        with contextlib.suppress(ObjectExistsError):
            await asyncio.to_thread(self._objects.put, key, content, if_absent=True)
        return await self._store.register_model_version(
            ModelVersion(
                ref=VersionRef(draft.model, 1),
                description=draft.description,
                signature=signature,
                training_snapshots=draft.training_snapshots,
                metrics=dict(draft.metrics),
                sha256=sha256,
                size_bytes=size,
                object_key=key,
                creator=principal.username,
                create_time=datetime.now(UTC),
                request_id=draft.request_id,
            )
        )

    async def get_model_version(self, ref: VersionRef) -> ModelVersion:
        """One version; VersionNotFoundError."""
        return await self._store.get_model_version(ref)

    async def list_model_versions(self, parent: ModelRef, page_size: int, before: int | None) -> VersionPage:
        """A page of versions, newest first; `page_size` 0 is the default, and it is held to the maximum."""
        if page_size < 0:
            raise InvalidArgumentError(
                Text(en=f"page_size is {page_size}.", id=f"page_size bernilai {page_size}."),
                Text(en="Use 0 or more.", id="Pakai 0 atau lebih."),
                field="page_size",
            )
        model = None if parent.model == "-" else parent.model
        limit = min(page_size or limits.PAGE, limits.MAX_PAGE)
        return await self._store.list_model_versions(model, limit=limit, before=before)


def _too_much(what: str, number: int, limit: int, field: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        Text(en=f"{what}: {number}, the limit is {limit}.", id=f"{what}: {number}, batasnya {limit}."),
        Text(en="Send less.", id="Kurangi."),
        field=field,
    )


def _check_draft(draft: VersionDraft) -> list[str]:
    """Holds the draft to the limits and returns the datasets that it was trained on."""
    for what, number, limit in (
        ("description", len(draft.description), limits.MAX_DESCRIPTION),
        ("metrics", len(draft.metrics), limits.MAX_METRICS),
        ("training_snapshots", len(draft.training_snapshots), limits.MAX_SNAPSHOTS),
        ("request_id", len(draft.request_id), limits.MAX_REQUEST_ID),
    ):
        if number > limit:
            raise _too_much(what, number, limit, what)
    for name, value in draft.metrics.items():
        if not math.isfinite(value) or not 0 < len(name) <= limits.MAX_METRIC_NAME:
            raise InvalidArgumentError(
                Text(
                    en=f"The metric {name[:64]!r} is {value}.", id=f"Metrik {name[:64]!r} bernilai {value}."
                ),
                Text(en="Give finite numbers short names.", id="Pakai angka berhingga dengan nama pendek."),
                field="model_version.metrics",
            )
    field = "model_version.training_snapshots"
    return list(dict.fromkeys(parse_snapshot(name, field=field)[0] for name in draft.training_snapshots))


async def _receive(chunks: AsyncIterator[bytes], path: Path) -> tuple[str, int]:
    """Writes the chunks to a file; its SHA-256 and its size in bytes."""
    digest = hashlib.sha256()
    size = 0
    with path.open("wb") as file:
        async for chunk in chunks:
            size += len(chunk)
            if len(chunk) > limits.MAX_CHUNK_BYTES:
                raise UploadOrderError(
                    Text(
                        en=f"A chunk has {len(chunk)} bytes.", id=f"Satu potongan berisi {len(chunk)} bita."
                    ),
                    Text(
                        en=f"Send at most {limits.MAX_CHUNK_BYTES} bytes a message.",
                        id=f"Kirim paling banyak {limits.MAX_CHUNK_BYTES} bita per pesan.",
                    ),
                    field="data",
                )
            if size > limits.MAX_MODEL_BYTES:
                raise ModelTooLargeError(
                    Text(
                        en=f"The file is over the limit of {limits.MAX_MODEL_BYTES} bytes.",
                        id=f"Berkas melebihi batas {limits.MAX_MODEL_BYTES} bita.",
                    ),
                    Text(en="Make the model smaller.", id="Perkecil model."),
                    field="data",
                )
            digest.update(chunk)
            file.write(chunk)
    if size == 0:
        raise ModelFileError(
            Text(en="The file is empty.", id="Berkas kosong."),
            Text(en="Send the ONNX file after the head.", id="Kirim berkas ONNX setelah kepala."),
            field="data",
            reason="MODEL_FILE_EMPTY",
        )
    return digest.hexdigest(), size
