"""Resource names, parsed in one place."""

import re
from dataclasses import dataclass

from catalog_service.errors import ResourceNameInvalidError

__all__ = [
    "LAKE",
    "QUARANTINE",
    "TableName",
    "asset_dataset",
    "check_asset",
    "dataset_name",
    "is_id",
    "parse_dataset",
    "parse_snapshot",
    "parse_table",
    "term_name",
]

LAKE = "lake"
QUARANTINE = "quarantine"

_ID = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SNAPSHOT = re.compile(r"[0-9]{1,20}")
_ASSET = re.compile(r"[a-z][A-Za-z]*/[^/\s\x00-\x1f]{1,200}(/[^/\s\x00-\x1f]{1,200}){0,6}")
_COLLECTIONS = {"datasets": LAKE, "quarantines": QUARANTINE}


@dataclass(frozen=True, slots=True)
class TableName:
    """A table that a decision is about. `zone` is "lake" or "quarantine"."""

    zone: str
    dataset: str


def is_id(value: str) -> bool:
    """Whether a text can be the id of a dataset, a policy or a term."""
    return _ID.fullmatch(value) is not None


def dataset_name(dataset: str) -> str:
    """`datasets/{dataset}`."""
    return f"datasets/{dataset}"


def term_name(term: str) -> str:
    """`glossaryTerms/{term}`."""
    return f"glossaryTerms/{term}"


def parse_dataset(name: str, field: str = "name") -> str:
    """The id in `datasets/{dataset}`.

    Raises:
        ResourceNameInvalidError: the name has another form.
    """
    collection, _, dataset = name.partition("/")
    if collection != "datasets" or not is_id(dataset):
        raise ResourceNameInvalidError(field, name, "datasets/{dataset}")
    return dataset


def parse_snapshot(name: str, field: str = "snapshot.name") -> tuple[str, str]:
    """Dataset id and snapshot id in `datasets/{dataset}/snapshots/{snapshot}`.

    Raises:
        ResourceNameInvalidError: the name has another form.
    """
    parent, _, snapshot = name.partition("/snapshots/")
    if _SNAPSHOT.fullmatch(snapshot) is None:
        raise ResourceNameInvalidError(field, name, "datasets/{dataset}/snapshots/{snapshot}")
    return parse_dataset(parent, field), snapshot


def parse_table(name: str, field: str = "resources") -> TableName:
    """The table that `datasets/{dataset}` or `quarantines/{dataset}` names.

    Raises:
        ResourceNameInvalidError: the name has another form.
    """
    collection, _, dataset = name.partition("/")
    zone = _COLLECTIONS.get(collection)
    if zone is None or not is_id(dataset):
        raise ResourceNameInvalidError(field, name, "datasets/{dataset} or quarantines/{dataset}")
    return TableName(zone, dataset)


def check_asset(name: str, field: str) -> str:
    """A name that lineage may hold, such as `files/{sha256}` or `models/{model}/versions/{version}`.

    Raises:
        ResourceNameInvalidError: the name has another form.
    """
    if _ASSET.fullmatch(name) is None:
        raise ResourceNameInvalidError(
            field, name, "datasets/{dataset}, files/{sha256} or models/{model}/versions/{version}"
        )
    return name


def asset_dataset(name: str) -> str | None:
    """The dataset whose visibility decides over an asset; None for an asset of its own kind."""
    collection, _, rest = name.partition("/")
    return rest.partition("/")[0] if collection in _COLLECTIONS else None
