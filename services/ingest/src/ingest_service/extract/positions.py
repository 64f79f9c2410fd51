"""How far a source has been read: a value of its column, as text that can be kept with a commit."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

from ingest_service.extract.failures import schema_changed

__all__ = ["Value", "lowered", "read_position", "write_position"]

Value: TypeAlias = int | datetime | date


def write_position(column: str, value: Value) -> str:
    """A position as JSON: the column, its value, and what kind of value it is."""
    return json.dumps({"column": column, "type": _kind(value), "value": _text(value)})


def read_position(position: str, column: str) -> Value:
    """The value in a position of this column.

    Raises:
        ExtractError: it is of another column, which the declaration named before.
    """
    known = json.loads(position)
    if known["column"] != column:
        raise schema_changed(
            f"The source was read by {known['column']} so far, not by {column}: run it in full once.",
            f"Sumber selama ini dibaca menurut {known['column']}, bukan {column}: jalankan penuh sekali.",
        )
    if known["type"] == "whole":
        return int(known["value"])
    return (
        date.fromisoformat(known["value"])
        if known["type"] == "date"
        else datetime.fromisoformat(known["value"])
    )


def lowered(value: Value, lag: timedelta | int) -> Value:
    """The value, less the lag.

    Raises:
        ExtractError: a lag in time for a whole number, or the other way round.
    """
    if isinstance(value, int):
        if isinstance(lag, int):
            return value - lag
    elif isinstance(lag, timedelta):
        return value - lag
    elif lag == 0:
        return value
    raise schema_changed(
        f"The column holds {_kind(value)} values, to which the lag {lag} does not apply.",
        f"Kolom berisi nilai {_kind(value)}; lag {lag} tidak dapat dipakai.",
    )


def _kind(value: Value) -> str:
    if isinstance(value, int):
        return "whole"
    if isinstance(value, datetime):
        return "instant" if value.tzinfo else "local"
    return "date"


def _text(value: Value) -> str:
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else str(value)
