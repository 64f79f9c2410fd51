"""A query, what it may cost, and what its answer stands on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["QueryLimits", "QuerySummary", "QueryTable", "TableRead"]


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What one query may use. Bytes, seconds of wall clock, seconds of CPU over all its threads."""

    max_rows: int
    max_result_bytes: int
    memory_bytes: int
    wall_seconds: float
    cpu_seconds: float
    temp_bytes: int
    threads: int


@dataclass(frozen=True, slots=True)
class QueryTable:
    """A table that a query names: the decision as JSON-able words, and the snapshot when one was asked for."""

    dataset: str
    decision: Mapping[str, object]
    snapshot_id: int | None = None


@dataclass(frozen=True, slots=True)
class TableRead:
    """One table as the query saw it; `as_of` is UTC, `snapshot_id` None for a table without a commit."""

    dataset: str
    snapshot_id: int | None
    as_of: datetime
    rows_withheld: bool
    masked_columns: tuple[str, ...]
    policy_version: str


@dataclass(frozen=True, slots=True)
class QuerySummary:
    """What an answer stands on."""

    rows: int
    truncated: bool
    cpu_seconds: float
    tables: tuple[TableRead, ...] = field(default=())
