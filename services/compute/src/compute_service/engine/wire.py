"""Tables and summaries as JSON between the service and a query's process."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from compute_service.domain.query import QueryLimits, QuerySummary, QueryTable, TableRead

__all__ = [
    "limits_from_json",
    "limits_to_json",
    "summary_from_json",
    "summary_to_json",
    "table_to_json",
]


def table_to_json(table: QueryTable) -> dict[str, Any]:
    """A table of a query."""
    return {"dataset": table.dataset, "decision": dict(table.decision), "snapshot_id": table.snapshot_id}


def limits_to_json(limits: QueryLimits) -> dict[str, Any]:
    """Limits as plain numbers."""
    return {name: getattr(limits, name) for name in QueryLimits.__dataclass_fields__}


def limits_from_json(document: Mapping[str, Any]) -> QueryLimits:
    """The limits again."""
    return QueryLimits(**document)


def summary_to_json(summary: QuerySummary) -> dict[str, Any]:
    """A summary as plain words."""
    return {
        "rows": summary.rows,
        "truncated": summary.truncated,
        "cpu_seconds": summary.cpu_seconds,
        "tables": [
            {
                "dataset": table.dataset,
                "snapshot_id": table.snapshot_id,
                "as_of": table.as_of.isoformat(),
                "rows_withheld": table.rows_withheld,
                "masked_columns": list(table.masked_columns),
                "policy_version": table.policy_version,
            }
            for table in summary.tables
        ],
    }


def summary_from_json(document: Mapping[str, Any]) -> QuerySummary:
    """The summary again."""
    return QuerySummary(
        rows=document["rows"],
        truncated=document["truncated"],
        cpu_seconds=document["cpu_seconds"],
        tables=tuple(
            TableRead(
                dataset=table["dataset"],
                snapshot_id=table["snapshot_id"],
                as_of=datetime.fromisoformat(table["as_of"]),
                rows_withheld=table["rows_withheld"],
                masked_columns=tuple(table["masked_columns"]),
                policy_version=table["policy_version"],
            )
            for table in document["tables"]
        ),
    )
