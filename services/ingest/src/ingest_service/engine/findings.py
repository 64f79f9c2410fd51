"""Findings as a frame: one record per row and rule, in the form of the quarantine table."""

from collections.abc import Iterable

import polars as pl

from ingest_service.engine.job import FatalFinding
from ingest_service.engine.messages import render
from ingest_service.engine.plan import ROW, Check

__all__ = [
    "QUARANTINE_COLUMNS",
    "SCHEMA",
    "fatal_findings",
    "findings_of",
    "no_findings",
    "record_json",
    "stamp",
]

# The quarantine table's columns: name, type in the lake, required.
QUARANTINE_COLUMNS: tuple[tuple[str, str, bool], ...] = (
    ("source_row", "int", True),
    ("column", "text", False),
    ("value", "text", False),
    ("rule", "text", True),
    ("severity", "text", True),
    ("message_id", "text", True),
    ("message_en", "text", True),
    ("remedy_id", "text", True),
    ("remedy_en", "text", True),
    ("record", "text", False),
    ("submission", "text", True),
    ("found_time", "timestamptz", True),
)
_POLARS = {"int": pl.Int64(), "text": pl.String(), "timestamptz": pl.Datetime("us", "UTC")}
SCHEMA = pl.Schema({name: _POLARS[kind] for name, kind, _required in QUARANTINE_COLUMNS})
_RAW = "__raw:"


def no_findings() -> pl.DataFrame:
    """An empty frame of findings."""
    return pl.DataFrame(schema=SCHEMA)


def stamp(found_time: str) -> pl.Expr:
    """Time of finding as a column; `found_time` is ISO 8601 with microseconds and a zone."""
    layout = "%Y-%m-%dT%H:%M:%S%.f%:z"
    return pl.lit(found_time).str.to_datetime(layout, time_unit="us", time_zone="UTC").alias("found_time")


def fatal_findings(findings: Iterable[FatalFinding], submission: str, found_time: str) -> pl.DataFrame:
    """Records of findings that speak about the whole file."""
    rows = [
        {"source_row": finding.row, "severity": "fatal", **finding.model_dump(exclude={"row"})}
        for finding in findings
    ]
    made = [
        pl.lit(None, dtype=pl.String).alias("record"),
        pl.lit(submission).alias("submission"),
        stamp(found_time),
    ]
    return pl.DataFrame(rows).with_columns(made).select(SCHEMA.names()).cast(SCHEMA)


def record_json(frame: pl.DataFrame) -> pl.Expr:
    """The file's row as JSON text."""
    raw = [name for name in frame.columns if name.startswith(_RAW)]
    fields = [_plain(frame.schema[name], pl.col(name)).alias(name.removeprefix(_RAW)) for name in raw]
    return pl.struct(fields).struct.json_encode()


def _plain(kind: pl.DataType, value: pl.Expr) -> pl.Expr:
    """Types that JSON lacks become text."""
    return value if isinstance(kind, pl.String | pl.Boolean) or kind.is_integer() else value.cast(pl.String)


def findings_of(
    frame: pl.DataFrame, checks: Iterable[Check], submission: str, found_time: str
) -> pl.DataFrame:
    """Records of all rows of `frame` that break a check, rows in file order."""
    found: list[pl.LazyFrame] = []
    prepared = frame.lazy().with_columns(record_json(frame).alias("__record"))
    for check in checks:
        shown = check.shown
        found.append(
            prepared.filter(check.broken).select(
                pl.col(ROW).alias("source_row"),
                pl.lit(check.column).alias("column"),
                shown.cast(pl.String).alias("value"),
                pl.lit(check.rule).alias("rule"),
                pl.lit(check.severity).alias("severity"),
                render(check.message_id, shown).alias("message_id"),
                render(check.message_en, shown).alias("message_en"),
                render(check.remedy_id, shown).alias("remedy_id"),
                render(check.remedy_en, shown).alias("remedy_en"),
                pl.col("__record").alias("record"),
            )
        )
    if not found:
        return no_findings()
    stamped = pl.concat(found).with_columns(
        pl.lit(submission).alias("submission"),
        stamp(found_time),
    )
    return stamped.sort("source_row", maintain_order=True).collect()
