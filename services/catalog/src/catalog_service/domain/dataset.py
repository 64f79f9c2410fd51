"""A dataset as its declaration says, and a snapshot of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml

from catalog_service.domain.document import parse_document
from catalog_service.domain.fields import Fields
from catalog_service.domain.localized import Localized
from catalog_service.errors import DeclarationInvalidError

__all__ = [
    "QUARANTINE_COLUMNS",
    "Column",
    "Dataset",
    "Snapshot",
    "declaration_of_table",
    "parse_dataset_declaration",
]

KIND = "Dataset"
MAX_COLUMNS = 1_000

_TYPE = re.compile(r"text|code|integer|date|timestamp|boolean|decimal\(\d{1,2},\d{1,2}\)")
_COLUMN_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TABLE_TYPES = {"int": "integer", "int32": "integer", "bool": "boolean", "timestamptz": "timestamp"}

# The columns of every quarantine table, fixed by the contract language.
QUARANTINE_COLUMNS = [
    "source_row",
    "column",
    "value",
    "rule",
    "severity",
    "message_id",
    "message_en",
    "remedy_id",
    "remedy_en",
    "record",
    "submission",
    "found_time",
]


@dataclass(frozen=True, slots=True)
class Column:
    """One stored column. `type` is a word of the contract language."""

    name: str
    type: str
    description: Localized = field(default_factory=Localized)
    unit: str = ""
    key: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a declaration promises. `columns` are the stored ones, in order."""

    dataset: str
    display_name: Localized
    description: Localized
    owner: str
    tags: tuple[str, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A committed state. `sequence` orders the snapshots of a dataset as they were recorded."""

    dataset: str
    snapshot: str
    rows: int
    origin: str
    control_totals: Mapping[str, str] = field(default_factory=dict)
    create_time: datetime | None = None
    sequence: int = 0


def parse_dataset_declaration(text: str) -> tuple[Dataset, dict[str, Any]]:
    """The dataset of a declaration, and the document that it was read from.

    The catalog reads the head and the columns; the rest of the contract is the ingest service's to judge.

    Raises:
        DeclarationInvalidError: names the path that is wrong.
    """
    document = parse_document(text, KIND)
    head = Fields(document)
    head.only("kind", "name", "display_name", "description", "owner", "tags", "contract")
    contract = head.mapping("contract")
    if contract.whole("version") != 1:
        raise contract.refuse("version", "this platform knows version 1.", "platform ini mengenal versi 1.")
    columns = [_column(fields) for fields in contract.mappings("columns") if not fields.flag("temporary")]
    if "provenance" in contract:
        provenance = contract.mapping("provenance")
        provenance.only("row", "submission")
        columns += [
            Column(
                provenance.text("row"),
                "integer",
                Localized("Baris pada berkas asal", "Row in the source file"),
            ),
            Column(
                provenance.text("submission"),
                "text",
                Localized("Kiriman asal baris", "Submission that brought the row"),
            ),
        ]
    names = [column.name for column in columns]
    if not 0 < len(names) <= MAX_COLUMNS:
        raise contract.refuse("columns", f"1 to {MAX_COLUMNS} are needed.", f"perlu 1 sampai {MAX_COLUMNS}.")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise contract.refuse(
            "columns", f"{repeated[0]!r} is declared twice.", f"{repeated[0]!r} dideklarasikan dua kali."
        )
    dataset = Dataset(
        dataset=head.text("name"),
        display_name=head.localized("display_name"),
        description=head.localized("description"),
        owner=head.text("owner"),
        tags=head.texts("tags"),
        columns=tuple(columns),
    )
    return dataset, document


def _column(fields: Fields) -> Column:
    name, kind = fields.text("name"), fields.text("type")
    if _COLUMN_NAME.fullmatch(name) is None:
        raise fields.refuse("name", f"{name!r} is not in snake case.", f"{name!r} bukan snake case.")
    if _TYPE.fullmatch(kind) is None:
        raise fields.refuse(
            "type",
            f"{kind!r} is none of text, code, integer, decimal(p,s), date, timestamp, boolean.",
            f"{kind!r} bukan text, code, integer, decimal(p,s), date, timestamp, atau boolean.",
        )
    return Column(
        name=name,
        type=kind,
        description=fields.localized("description", required=False),
        unit=fields.text("unit", ""),
        key=fields.flag("key"),
        tags=fields.texts("tags"),
    )


def declaration_of_table(
    dataset: str, columns: Sequence[tuple[str, str, str]], tags: Sequence[str], description: str, owner: str
) -> str:
    """A declaration for a table that a pipeline wrote before anybody declared it.

    `columns` are (name, type, description); types of the lake become words of the contract language.

    Raises:
        DeclarationInvalidError: a column has a type that the contract language lacks.
    """
    listed: list[dict[str, Any]] = []
    for name, kind, about in columns:
        word = _TABLE_TYPES.get(kind, kind)
        if _TYPE.fullmatch(word) is None:
            raise DeclarationInvalidError(
                f"columns.{name}", f"type {kind!r} is unknown.", f"jenis {kind!r} tidak dikenal."
            )
        listed.append(
            {"name": name, "type": word} | ({"description": {"id": about, "en": about}} if about else {})
        )
    label = dataset.replace("_", " ")
    about = description or label
    document = {
        "kind": KIND,
        "name": dataset,
        "display_name": {"id": label, "en": label},
        "description": {"id": about, "en": about},
        "owner": owner,
        "tags": list(tags),
        "contract": {"version": 1, "columns": listed},
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
