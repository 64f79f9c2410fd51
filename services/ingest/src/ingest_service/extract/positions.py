"""How far a source has been read: a value of its column, as text that can be kept with a commit."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

from ingest_service.extract.failures import schema_changed

__all__ = ["Held", "Mark", "Position", "Value", "lowered", "read_position", "write_position"]

Value: TypeAlias = int | datetime | date


@dataclass(frozen=True, slots=True)
class Mark:
    """Whoever writes to the source as transaction `next` or later writes no value below `value`, the lag aside."""

    value: Value
    next: int


@dataclass(frozen=True, slots=True)
class Held:
    """Transactions that were still open may bring rows from `start` on (None: from anywhere); `mark` tells when no more."""

    start: Value | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Position:
    """The source has been read up to `value`; with `held` there may be late rows below it that the lag does not cover."""

    column: str
    value: Value
    held: Held | None = None

    @property
    def start(self) -> Value | None:
        """From where the next run reads, the lag aside."""
        if self.held is None:
            return self.value
        return None if self.held.start is None else min(self.held.start, self.value)


def write_position(position: Position) -> str:
    """A position as JSON: the column, its value, and what kind of value it is."""
    document: dict[str, Any] = {
        "column": position.column,
        "type": _kind(position.value),
        "value": _text(position.value),
    }
    if position.held is not None:
        start, mark = position.held.start, position.held.mark
        document["held"] = {
            "start": None if start is None else _text(start),
            "mark": {"value": _text(mark.value), "next": mark.next},
        }
    return json.dumps(document)


def read_position(text: str, column: str) -> Position:
    """A position of this column.

    Raises:
        ExtractError: it is of another column, which the declaration named before.
    """
    known = json.loads(text)
    if known["column"] != column:
        raise schema_changed(
            f"The source was read by {known['column']} so far, not by {column}: run it in full once.",
            f"Sumber selama ini dibaca menurut {known['column']}, bukan {column}: jalankan penuh sekali.",
        )
    kind, held = known["type"], None
    if (found := known.get("held")) is not None:
        start = None if found["start"] is None else _value(kind, found["start"])
        held = Held(start, Mark(_value(kind, found["mark"]["value"]), found["mark"]["next"]))
    return Position(column, _value(kind, known["value"]), held)


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


def _value(kind: str, text: str) -> Value:
    if kind == "whole":
        return int(text)
    return date.fromisoformat(text) if kind == "date" else datetime.fromisoformat(text)
