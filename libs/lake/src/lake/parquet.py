"""Parquet objects that tasks write and a commit later adds to the table."""

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lake.errors import InvalidCommitError, SchemaMismatchError
from lake.objectstore import ObjectStore
from lake.schema import TableSchema
from servicekit.errors import Text

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=-]{0,127}")


@dataclass(frozen=True)
class WriteTarget:
    """Where the tasks of one run write, and with which schema (it carries Iceberg's field ids). Can be pickled."""

    table: str
    run_id: str
    prefix: str
    schema: pa.Schema


@dataclass(frozen=True)
class WrittenFile:
    """One Parquet object, ready for a commit. `path` is its full address; a part without rows has no object."""

    path: str
    rows: int
    bytes: int


def write_parquet(
    store: ObjectStore, frame: pl.LazyFrame | pl.DataFrame, target: WriteTarget, part: str
) -> WrittenFile:
    """Write one part of a run as `…/run={run_id}/{part}-{digest}.parquet`.

    The digest is that of the content: a task that runs again with the same result overwrites its own object, and one
    with another result can never change an object that a commit has taken. Columns are put in the table's order;
    missing optional columns become null. The frame is streamed to a local temporary file first.

    Raises:
        SchemaMismatchError: a column is missing, unknown, or does not cast exactly (a float never becomes a decimal).
    """
    if not _PART.fullmatch(part):
        raise InvalidCommitError(
            Text(
                id=f"Nama bagian {part!r} tidak dapat dipakai.", en=f"The part name {part!r} is not usable."
            ),
            Text(id="Pakai huruf, angka, _ . = -", en="Use letters, digits, _ . = -"),
        )
    exact = fit(frame.lazy(), target)
    with tempfile.TemporaryDirectory(prefix="lake-") as folder:
        path = Path(folder) / "part.parquet"
        try:
            exact.sink_parquet(path, compression="zstd", compression_level=1, arrow_schema=target.schema)
        except (
            pl.exceptions.InvalidOperationError,
            pl.exceptions.SchemaError,
            pl.exceptions.ComputeError,
        ) as error:
            raise SchemaMismatchError(
                Text(
                    id=f"Data untuk tabel {target.table} tidak muat dalam skemanya: {error}",
                    en=f"Data for table {target.table} does not fit its schema: {error}",
                ),
                Text(id="Perbaiki nilai tersebut atau skemanya.", en="Mend these values or the schema."),
            ) from error
        rows = pq.read_metadata(path).num_rows
        if rows == 0:
            return WrittenFile("", 0, 0)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        key = store.key_of(f"{target.prefix}/{part}-{digest[:16]}.parquet")
        info = store.put_file(key, path)
    return WrittenFile(store.address(key), rows, info.size)


def fit(frame: pl.LazyFrame, target: WriteTarget) -> pl.LazyFrame:
    """The frame with the table's columns and types; casts that could lose something are refused."""
    have = frame.collect_schema()
    schema = TableSchema.from_arrow(target.schema)
    if unknown := [name for name in have.names() if name not in schema.names]:
        raise _mismatch(target.table, unknown[0], "tidak ada dalam tabel", "is not in the table")
    columns: list[pl.Expr] = []
    for column in schema.columns:
        want = column.polars_type
        if column.name not in have:
            if column.required:
                raise _mismatch(
                    target.table, column.name, "wajib tetapi tidak ada", "is required and missing"
                )
            columns.append(pl.lit(None, dtype=want).alias(column.name))
            continue
        expression = pl.col(column.name)
        if have[column.name] != want:
            if not _casts_exactly(have[column.name], want):
                kind = have[column.name]
                raise _mismatch(
                    target.table,
                    column.name,
                    f"bertipe {kind}, bukan {column.type}",
                    f"is {kind}, not {column.type}",
                )
            expression = expression.cast(want, strict=True)
        columns.append(expression)
    return frame.select(columns)


def _casts_exactly(have: pl.DataType, want: pl.DataType) -> bool:
    if have == pl.Null:
        return True
    if isinstance(want, pl.Decimal):
        return have.is_integer() or (isinstance(have, pl.Decimal) and have.scale <= want.scale)
    if want.is_integer():
        return have.is_integer()
    if isinstance(want, pl.Float64):
        return have.is_float() or have.is_integer()
    zoned = isinstance(want, pl.Datetime) and isinstance(have, pl.Datetime) and have.time_zone is not None
    return zoned or (isinstance(want, pl.String) and isinstance(have, pl.Categorical | pl.Enum))


def _mismatch(table: str, column: str, what_id: str, what_en: str) -> SchemaMismatchError:
    return SchemaMismatchError(
        Text(
            id=f"Kolom {column} untuk tabel {table} {what_id}.",
            en=f"Column {column} for table {table} {what_en}.",
        ),
        Text(id="Sesuaikan data dengan skema tabel.", en="Make the data fit the table's schema."),
        field=column,
    )
