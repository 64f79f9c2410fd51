"""What a sink's contract asks of the rows that a pipeline writes."""

import re
from dataclasses import dataclass
from functools import lru_cache

import yaml

from lake import Column, TableSchema

__all__ = ["SinkColumn", "SinkContract", "parse_contract"]

_TYPES = {
    "text": "text",
    "code": "text",
    "integer": "int",
    "date": "date",
    "timestamp": "timestamptz",
    "boolean": "bool",
}
_DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)")


@dataclass(frozen=True, slots=True)
class SinkColumn:
    """A column; `type` in the lake's words, `round` is "", "half_even" or "half_up"."""

    name: str
    type: str
    required: bool
    key: bool
    round: str = ""
    allowed: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class SinkContract:
    """The columns of a dataset in order."""

    dataset: str
    columns: tuple[SinkColumn, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns of the key."""
        return tuple(column.name for column in self.columns if column.key)

    def schema(self) -> TableSchema:
        """The table that holds it."""
        return TableSchema(
            tuple(Column(item.name, item.type, item.required, item.description) for item in self.columns)
        )


@lru_cache(maxsize=256)
def parse_contract(dataset: str, declaration: str) -> SinkContract:
    """Columns of a declaration of kind Dataset, which the catalog has checked.

    Remembered: every task of a run asks, and reading YAML takes longer than a small task's own work.

    Raises:
        ValueError: it has no columns, or a type that is unknown here.
    """
    document = yaml.safe_load(declaration)
    columns = [
        _column(item)
        for item in (document.get("contract") or {}).get("columns") or ()
        if not item.get("temporary")
    ]
    if not columns:
        raise ValueError(f"dataset {dataset} has no columns")
    return SinkContract(dataset, tuple(columns))


def _column(item: dict[str, object]) -> SinkColumn:
    kind = str(item.get("type"))
    decimal = _DECIMAL.fullmatch(kind)
    lake_type = f"decimal({decimal[1]},{decimal[2]})" if decimal else _TYPES.get(kind)
    if lake_type is None:
        raise ValueError(f"column {item.get('name')} has the unknown type {kind}")
    described = item.get("description")
    allowed = item.get("allowed")
    return SinkColumn(
        name=str(item["name"]),
        type=lake_type,
        required=bool(item.get("required") or item.get("key")),
        key=bool(item.get("key")),
        round=str(item.get("round") or ""),
        allowed=tuple(str(value) for value in allowed) if isinstance(allowed, list) else (),
        description=str(described.get("en", "")) if isinstance(described, dict) else "",
    )
