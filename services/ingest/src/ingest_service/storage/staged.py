"""Validated rows that wait in the object store until they are published."""

import asyncio
import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest_service.engine.job import PartFile, Report
from lake import ObjectStore
from servicekit.errors import InternalError, Text

__all__ = ["Staged", "StagedStore", "content_digest"]

_MANIFEST = "manifest.json"
_MAX_MANIFEST = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Staged:
    """Where rows wait, and the digest of what they are."""

    folder: str
    digest: str


def content_digest(report: Report, sha256: str, revision: int, parts: list[str]) -> str:
    """SHA-256, hexadecimal, over the file, the contract's revision, row counts, control totals and the rows' own files."""
    content = {
        "file": sha256,
        "revision": revision,
        "rows": [report.rows_read, report.rows_good, report.rows_bad],
        "control_totals": dict(sorted(report.control_totals.items())),
        "parts": parts,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class StagedStore:
    """One folder per validation under `staging/submissions/`: the good rows as Parquet, and a manifest, which comes last.

    A folder is never written twice: what a digest names cannot change under it. CertifySubmission has the rows published from
    here, RejectSubmission and WithdrawSubmission have them removed.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def stage(self, submission_id: str, report: Report, sha256: str, revision: int) -> Staged:
        """Keeps the good rows of a report."""
        return await asyncio.to_thread(self._stage, submission_id, report, sha256, revision)

    def _stage(self, submission_id: str, report: Report, sha256: str, revision: int) -> Staged:
        folder = f"staging/submissions/{submission_id}/{secrets.token_hex(6)}"
        parts: list[dict[str, Any]] = []
        for number, part in enumerate(report.good):
            key = f"{folder}/good-{number:05}.parquet"
            self._objects.put_file(key, part.path)
            parts.append({"key": key, "rows": part.rows, "sha256": _sha256(part.path)})
        digest = content_digest(report, sha256, revision, [part["sha256"] for part in parts])
        kept = report.model_copy(update={"good": (), "quarantine": (), "kept": None, "steps": ()})
        manifest = {"digest": digest, "parts": parts, "report": kept.model_dump(mode="json")}
        self._objects.put(f"{folder}/{_MANIFEST}", json.dumps(manifest).encode())
        return Staged(folder, digest)

    async def fetch(self, staged: Staged, into: Path) -> Report:
        """The report as it was, with the good rows as local files in `into`.

        Raises:
            InternalError: what lies there is not what was staged.
        """
        return await asyncio.to_thread(self._fetch, staged, into)

    def _fetch(self, staged: Staged, into: Path) -> Report:
        manifest = json.loads(self._objects.get(f"{staged.folder}/{_MANIFEST}", limit=_MAX_MANIFEST))
        good = []
        for number, part in enumerate(manifest["parts"]):
            path = into / f"good-{number:05}.parquet"
            with path.open("wb") as file:
                for block in self._objects.stream(part["key"]):
                    file.write(block)
            if _sha256(path) != part["sha256"]:
                raise _changed(part["key"])
            good.append(PartFile(path=path, rows=part["rows"]))
        if manifest["digest"] != staged.digest:
            raise _changed(staged.folder)
        report: Report = Report.model_validate(manifest["report"])
        return report.model_copy(update={"good": tuple(good)})

    async def clear(self, submission_id: str) -> None:
        """Removes all that was staged for a submission."""
        await asyncio.to_thread(self._delete, f"staging/submissions/{submission_id}/")

    async def discard(self, staged: Staged) -> None:
        """Removes what was staged and not taken."""
        await asyncio.to_thread(self._delete, f"{staged.folder}/")

    def _delete(self, prefix: str) -> None:
        for found in self._objects.list_prefix(prefix, limit=100_000):
            self._objects.delete(found.key)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _changed(place: str) -> InternalError:
    return InternalError(
        Text(
            en=f"The validated rows at {place} are not those that were staged.",
            id=f"Baris tervalidasi di {place} bukan yang disimpan semula.",
        ),
        reason="STAGED_CHANGED",
    )
