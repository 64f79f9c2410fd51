"""Spans, logs and metric points in one SQLite file, kept below a size."""

import json
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spans (
    trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT NOT NULL, name TEXT NOT NULL,
    service TEXT NOT NULL, kind INTEGER NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
    status INTEGER NOT NULL, status_message TEXT NOT NULL, attributes TEXT NOT NULL, events TEXT NOT NULL,
    UNIQUE (trace_id, span_id)
);
CREATE TABLE IF NOT EXISTS logs (
    trace_id TEXT NOT NULL, span_id TEXT NOT NULL, time_ns INTEGER NOT NULL, service TEXT NOT NULL,
    severity TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS logs_by_trace ON logs (trace_id);
CREATE TABLE IF NOT EXISTS points (
    time_ns INTEGER NOT NULL, service TEXT NOT NULL, name TEXT NOT NULL, value REAL NOT NULL, attributes TEXT NOT NULL
);
"""
_TABLES = ("spans", "logs", "points")


@dataclass(frozen=True)
class Span:
    """One span; times are nanoseconds since the epoch, `parent_id` is empty for a root, `status` 2 is an error."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    service: str
    kind: int
    start_ns: int
    end_ns: int
    status: int
    status_message: str
    attributes: dict[str, Any]
    events: list[dict[str, Any]]


@dataclass(frozen=True)
class LogEntry:
    """One log record; `trace_id` is empty when it belongs to no trace."""

    trace_id: str
    span_id: str
    time_ns: int
    service: str
    severity: str
    body: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Point:
    """One metric value at a time."""

    time_ns: int
    service: str
    name: str
    value: float
    attributes: dict[str, Any]


class TelemetryStore:
    """The SQLite file; safe to use from several threads."""

    def __init__(self, path: Path, *, limit_bytes: int) -> None:
        self._lock = threading.Lock()
        self._limit = limit_bytes
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)
        self._connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def add_spans(self, spans: Iterable[Span]) -> None:
        """Store spans; one that is sent twice is kept once."""
        rows = [
            (
                *(span.trace_id, span.span_id, span.parent_id, span.name, span.service, span.kind),
                *(span.start_ns, span.end_ns, span.status, span.status_message),
                *(json.dumps(span.attributes), json.dumps(span.events)),
            )
            for span in spans
        ]
        self._insert("INSERT OR REPLACE INTO spans VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", rows)

    def add_logs(self, entries: Iterable[LogEntry]) -> None:
        """Store log records."""
        rows = [
            (
                *(entry.trace_id, entry.span_id, entry.time_ns, entry.service, entry.severity, entry.body),
                json.dumps(entry.attributes),
            )
            for entry in entries
        ]
        self._insert("INSERT INTO logs VALUES (?,?,?,?,?,?,?)", rows)

    def add_points(self, points: Iterable[Point]) -> None:
        """Store metric values."""
        rows = [
            (point.time_ns, point.service, point.name, point.value, json.dumps(point.attributes))
            for point in points
        ]
        self._insert("INSERT INTO points VALUES (?,?,?,?,?)", rows)

    def trace(self, trace_id: str) -> list[Span]:
        """Spans of a trace by start time; empty when the trace is unknown."""
        with self._lock:
            return load_spans(self._connection, trace_id)

    def logs(self, trace_id: str) -> list[LogEntry]:
        """Log records of a trace by time."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT * FROM logs WHERE trace_id = ? ORDER BY time_ns LIMIT 1000", (trace_id,)
            ).fetchall()
        return [_log_entry(row) for row in rows]

    def recent(self, limit: int) -> list[dict[str, Any]]:
        """Latest traces, by their root spans."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT trace_id, name, service, start_ns, end_ns, status FROM spans "
                "WHERE parent_id = '' ORDER BY rowid DESC LIMIT ?",
                (limit,),
            ).fetchall()
        names = ("trace_id", "name", "service", "start_ns", "end_ns", "status")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def shrink(self) -> int:
        """Delete the oldest fifth of each table while the file is over its limit; returns the bytes in use."""
        with self._lock:
            while (used := self._used()) > self._limit:
                deleted = 0
                for table in _TABLES:
                    deleted += self._connection.execute(
                        f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid "  # noqa: S608
                        f"LIMIT (SELECT count(*) / 5 + 1 FROM {table}))"
                    ).rowcount
                if deleted == 0:
                    break
                self._connection.execute("PRAGMA incremental_vacuum")
            return used

    def _used(self) -> int:
        pages, free, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _insert(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                self._connection.executemany(statement, rows)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def load_spans(connection: sqlite3.Connection, trace_id: str) -> list[Span]:
    """Spans of a trace by start time, from an open connection."""
    rows = connection.execute(
        "SELECT * FROM spans WHERE trace_id = ? ORDER BY start_ns LIMIT 10000", (trace_id,)
    ).fetchall()
    return [_span(row) for row in rows]


def _span(row: tuple[Any, ...]) -> Span:
    names = ("trace_id", "span_id", "parent_id", "name", "service", "kind", "start_ns", "end_ns", "status")
    plain = dict(zip((*names, "status_message"), row[:10], strict=True))
    return Span(**plain, attributes=json.loads(row[10]), events=json.loads(row[11]))


def _log_entry(row: tuple[Any, ...]) -> LogEntry:
    names = ("trace_id", "span_id", "time_ns", "service", "severity", "body")
    return LogEntry(**dict(zip(names, row[:6], strict=True)), attributes=json.loads(row[6]))
