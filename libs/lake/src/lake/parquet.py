"""Parquet objects that tasks write and a commit later adds to the table."""

from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from lake.objectstore import ObjectStore


@dataclass(frozen=True)
class WriteTarget:
    """Where the tasks of one run write, and with which schema (it carries Iceberg's field ids). Can be pickled."""

    table: str
    run_id: str
    prefix: str
    schema: pa.Schema


@dataclass(frozen=True)
class WrittenFile:
    """One Parquet object, ready for a commit. `path` is its full address."""

    path: str
    rows: int
    bytes: int


def write_parquet(
    store: ObjectStore, frame: pl.LazyFrame | pl.DataFrame, target: WriteTarget, part: str
) -> WrittenFile:
    """Write one part of a run as `…/run={run_id}/{part}.parquet`; a retry of the task overwrites its own object.

    Columns are put in the table's order; missing optional columns become null. Integers and decimals are cast
    exactly or the write fails (SchemaMismatchError); a float never becomes a decimal.
    """
    raise NotImplementedError
