"""Arrow tables as rows of plain data, every digit kept."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from lumbung.cli.plain import plain

__all__ = ["column_names", "rows"]

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def column_names(table: pa.Table) -> list[str]:
    """The names of the columns; one that comes again is numbered, so that no column hides another."""
    seen: Counter[str] = Counter()
    names = []
    for name in table.column_names:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return names


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows in order, each a dict by column name."""
    names = column_names(table)
    columns = [_values(table.column(index)) for index in range(table.num_columns)]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray) -> Sequence[Any]:
    kind = column.type
    # Python's own times end at microseconds and at the year 9999, Arrow's do not.
    if pa.types.is_timestamp(kind):
        zone = "+00:00" if kind.tz else ""
        return [_instant(value, kind.unit, zone) for value in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_time64(kind):
        return [_time(value, kind.unit) for value in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_duration(kind):
        return [_duration(value, kind.unit) for value in column.cast(pa.int64()).to_pylist()]
    return [plain(value) for value in column.to_pylist()]


def _split(value: int, unit: str) -> tuple[int, str]:
    """Whole seconds, and the digits behind them with their point."""
    seconds, part = divmod(value, _PER_SECOND[unit])
    digits = f"{part:0{len(str(_PER_SECOND[unit])) - 1}d}" if part else ""
    return seconds, f".{digits.rstrip('0')}" if digits else ""


def _instant(value: int | None, unit: str, zone: str) -> str | None:
    if value is None:
        return None
    seconds, digits = _split(value, unit)
    try:
        moment = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None)
    except OverflowError:
        return f"{value} {unit} after 1970-01-01"
    return f"{moment.isoformat()}{digits}{zone}"


def _time(value: int | None, unit: str) -> str | None:
    if value is None:
        return None
    seconds, digits = _split(value, unit)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{digits}"


def _duration(value: int | None, unit: str) -> str | None:
    return None if value is None else f"PT{Decimal(value) / _PER_SECOND[unit]:f}S"
