"""The draft as a document: columns, key, publication, written as YAML with the open questions as comments."""

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import polars as pl
import yaml

from ingest_service.engine.job import ProposalJob, Remark
from ingest_service.engine.proposal.columns import DraftColumn, draft_column
from ingest_service.engine.proposal.keys import key_candidates
from ingest_service.engine.proposal.remarks import remark

__all__ = ["Draft", "draft_of"]

_MAX_NAME = 63
_OF_KEYS = ("code", "date", "integer", "timestamp", "text")
# Numbers the rows of one file; the next file begins anew.
_RUNNING_NUMBER = re.compile(r"(no|nomor|nomor_urut|no_urut|row|baris|line|index)(_[0-9]+)?")
_WIDTH = 130


class Draft:
    """A declaration on its way."""

    def __init__(self, job: ProposalJob, form: dict[str, Any], columns: Sequence[DraftColumn]) -> None:
        self._job, self._form, self._columns = job, form, list(columns)
        self.remarks: list[Remark] = []

    def document(self) -> dict[str, Any]:
        """The declaration as plain data."""
        file = PurePath(self._job.file_name).name
        columns = [self._column(column) for column in self._columns]
        sums = [c.name for c in self._columns if c.money and c.required]
        contract: dict[str, Any] = {"version": 1, "format": self._form, "columns": columns}
        contract["provenance"] = {"row": "source_row", "submission": "submission"}
        if sums:
            contract["control_totals"] = [{"id": f"total_{name}"[:_MAX_NAME], "sum": name} for name in sums]
        contract["publish"] = {"mode": "append"}
        return {
            "kind": "Dataset",
            "name": self._job.dataset,
            "display_name": {"id": file, "en": file},
            "description": {"id": f"Rancangan dari {file}.", "en": f"Draft from {file}."},
            "owner": self._job.owner,
            "tags": [],
            "contract": contract,
        }

    def text(self, remarks: Sequence[Remark], language: str) -> str:
        """The document as YAML; each remark is a comment, where its column stands or at the top."""
        document = self.document()
        columns = document["contract"].pop("columns")
        parts = [_comments(remarks, "", language, "")]
        contract = document.pop("contract")
        parts += [_yaml(document), "contract:\n"]
        for key in ("version", "format"):
            parts.append(_indented(_yaml({key: contract.pop(key)})))
        parts.append("  columns:\n")
        for column in columns:
            parts.append(_comments(remarks, column["name"], language, "    "))
            parts.append(f"    - {_flow(column)}\n")
        parts.append(_indented(_yaml(contract)))
        return "".join(parts)

    @staticmethod
    def _column(column: DraftColumn) -> dict[str, Any]:
        keys: dict[str, Any] = {"name": column.name}
        if column.source != column.name:
            keys["source"] = column.source
        keys |= column.keys
        if column.required and "key" not in column.keys:
            keys["required"] = True
        return keys


def draft_of(job: ProposalJob, form: dict[str, Any], frame: pl.DataFrame) -> Draft:
    """Drafts every column of a sample; `frame` has the file's own names."""
    names = _names(frame.columns)
    columns = [
        draft_column(name, source, frame[source]) for name, source in zip(names, frame.columns, strict=True)
    ]
    draft = Draft(job, form, columns)
    _draft_key(draft, columns, frame)
    draft.remarks += [item for column in columns for item in column.remarks]
    return draft


def _draft_key(draft: Draft, columns: Sequence[DraftColumn], frame: pl.DataFrame) -> None:
    ranked = sorted(
        (
            column
            for column in columns
            if column.required and column.kind in _OF_KEYS and not _RUNNING_NUMBER.fullmatch(column.name)
        ),
        key=lambda column: _OF_KEYS.index(column.kind),
    )
    by_source = {column.source: column for column in columns}
    found = key_candidates(frame, [column.source for column in ranked])
    if not found:
        draft.remarks.append(
            remark(
                "No set of up to three columns tells the rows apart: without a key a row that is sent twice is not noticed.",
                "Tidak ada gabungan sampai tiga kolom yang membedakan baris: tanpa kunci, baris ganda tidak terdeteksi.",
            )
        )
        return
    for source in found[0]:
        by_source[source].keys["key"] = True
    told = " + ".join(by_source[source].name for source in found[0])
    others = "; ".join(" + ".join(by_source[source].name for source in names) for names in found[1:4])
    draft.remarks.append(
        remark(
            f"The key is {told}: it never repeats in the sample."
            + (f" So could be: {others}." if others else ""),
            f"Kuncinya {told}: tidak pernah berulang pada contoh."
            + (f" Bisa juga: {others}." if others else ""),
        )
    )


def _names(sources: Sequence[str]) -> list[str]:
    """Names of the contract language, each once."""
    names: list[str] = []
    for number, source in enumerate(sources, 1):
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", source)
        name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
        name = name if name[:1].isalpha() else f"column_{name or number}"
        name = name[: _MAX_NAME - 6]
        names.append(name if name not in names else f"{name}_{number}")
    return names


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=_WIDTH)


def _flow(value: dict[str, Any]) -> str:
    """On one line, however long: an editor of the draft sees a column as a whole."""
    return yaml.safe_dump(
        value, sort_keys=False, allow_unicode=True, default_flow_style=True, width=float("inf")
    ).strip()


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def _comments(remarks: Sequence[Remark], column: str, language: str, indent: str) -> str:
    said = [item.id if language == "id" else item.en for item in remarks if item.column == column]
    return "".join(f"{indent}# {' '.join(text.split())}\n" for text in said)
