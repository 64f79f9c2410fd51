"""Rows on their way to validation: Arrow files in a folder, written no faster than the source may be read."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from ingest_service.domain.source import Throttle
from ingest_service.extract.database import DbColumn
from ingest_service.extract.failures import refused, schema_changed, too_large

__all__ = ["Pace", "write_spool"]

# 0001-01-01 to 9999-12-31, since 1970.
_DAYS = (-719_162, 2_932_896)
_MICROSECONDS = (_DAYS[0] * 86_400_000_000, (_DAYS[1] + 1) * 86_400_000_000 - 1)


class Pace:
    """Counts rows and bytes of all readers together, and holds them back where they are too fast."""

    def __init__(self, throttle: Throttle, max_bytes: int, heard: Callable[[], None]) -> None:
        self._throttle, self._max_bytes, self._heard = throttle, max_bytes, heard
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self.rows = self.bytes = 0

    def take(self, batch: pa.RecordBatch) -> None:
        """Counts a batch, and waits until it may be read by now.

        Raises:
            ExtractError: the chunk has too many bytes.
        """
        with self._lock:
            self.rows += len(batch)
            self.bytes += batch.nbytes
            due = max(
                self.rows / (self._throttle.rows_per_second or float("inf")),
                self.bytes / (self._throttle.bytes_per_second or float("inf")),
            )
        if self.bytes > self._max_bytes:
            raise too_large(self._max_bytes)
        self._heard()
        while (left := self._begun + due - time.monotonic()) > 0:
            time.sleep(min(left, 1.0))
            self._heard()


def write_spool(
    path: Path, batches: Iterator[pa.RecordBatch], columns: Sequence[DbColumn], zone: str | None, pace: Pace
) -> None:
    """Writes the rows of one reader; a file without rows is not made."""
    writer: pa.ipc.RecordBatchFileWriter | None = None
    try:
        for batch in batches:
            pace.take(batch)
            if len(batch) == 0:
                continue
            fit = _fit(batch, columns, zone)
            if writer is None:
                writer = pa.ipc.new_file(path, fit.schema)
            writer.write_batch(fit)
    except pa.ArrowInvalid as error:
        raise schema_changed(
            f"The source's columns changed while it was read: {error}.",
            f"Kolom sumber berubah selagi dibaca: {error}.",
        ) from error
    finally:
        if writer is not None:
            writer.close()


def _fit(batch: pa.RecordBatch, columns: Sequence[DbColumn], zone: str | None) -> pa.RecordBatch:
    """Local times become instants; an infinite date or time, which a file could not hold, is refused."""
    made = []
    for column, values in zip(columns, batch.columns, strict=True):
        if pa.types.is_temporal(values.type):
            _refuse_endless(column.name, values)
        if column.kind == "local" and pa.types.is_timestamp(values.type):
            series = pl.Series(pl.from_arrow(values))
            try:
                zoned = series.dt.replace_time_zone(zone).dt.convert_time_zone("UTC")
            except pl.exceptions.ComputeError as error:
                raise refused(
                    f"{column.name} holds an hour that {zone} has twice or not at all: {error}"
                ) from error
            made.append(zoned.to_arrow())
        else:
            made.append(values)
    return pa.record_batch(made, names=[column.name for column in columns])


def _refuse_endless(name: str, values: pa.Array) -> None:
    """Also what the driver makes of `infinity`, which wraps around to some day millions of years ago."""
    days = pa.types.is_date32(values.type)
    ends = pc.min_max(values.cast(pa.int32() if days else pa.int64()))
    least, most = ends["min"].as_py(), ends["max"].as_py()
    lowest, highest = _DAYS if days else _MICROSECONDS
    if least is not None and (least < lowest or most > highest):
        raise refused(
            f"{name} holds an infinite date or one outside the years 1 to 9999; give a query that leaves it out"
        )
