"""Spans of a trace straight from the store's file, for tests and benchmarks on the same machine."""

import sqlite3

from localstack.layout import Layout
from localstack.settings import StackSettings, load_settings
from localstack.telemetry.store import Span, load_spans


def load(trace_id: str, settings: StackSettings | None = None) -> list[Span]:
    """Spans of a trace by start time; empty when it is unknown. OperationalError when there is no store yet."""
    path = Layout((settings or load_settings()).data_dir).data / "telemetry.sqlite"
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0)
    try:
        return load_spans(connection, trace_id)
    finally:
        connection.close()
