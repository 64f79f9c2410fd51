"""Opens table files with Polars. Only the reader and the writer's replacement use it; nobody else may.

Column names and types of old files are mapped through Iceberg's field ids. This is the one place that relies on
inner parts of Polars; the integration tests of renamed and widened columns guard it.
"""

import os
from collections.abc import Sequence

import polars as pl
from polars.io.iceberg._utils import name_mapping_by_field_id
from polars.io.scan_options.cast_options import ScanCastOptions
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.schema import Schema
from pyiceberg.table import Table

from lake.iceberg import from_iceberg_schema
from lake.settings import S3Settings

# Planning through pyiceberg, whose manifests Polars caches; without this Polars warns that its own planner is missing.
os.environ.setdefault("POLARS_ICEBERG_PLANNER", "pyiceberg")


def scan_table(table: Table, snapshot_id: int, s3: S3Settings) -> pl.LazyFrame:
    """One whole snapshot; files are planned when the query is known, so that it prunes them."""
    return pl.scan_iceberg(
        table, snapshot_id=snapshot_id, storage_options=storage_options(s3), reader_override="native"
    )


def scan_files(
    table: Table, files: Sequence[tuple[str, int]], s3: S3Settings, *, schema: Schema | None = None
) -> pl.LazyFrame:
    """Some data files (path, bytes) of a table, under its present schema or a given one."""
    present = schema or table.schema()
    return pl.scan_parquet(
        [path for path, _ in files],
        # Without it the schema would be that of the first file, which may be older than the table's.
        schema=from_iceberg_schema(present).to_polars(),
        glob=False,
        cast_options=ScanCastOptions._default_iceberg(),  # noqa: SLF001
        missing_columns="insert",
        extra_columns="ignore",
        storage_options=object_store_options(s3),
        credential_provider=None,
        _column_mapping=(
            "iceberg-column-mapping",
            schema_to_pyarrow(present),
            name_mapping_by_field_id(table),
        ),
        _source_sizes=[size for _, size in files],
    )


def storage_options(s3: S3Settings) -> dict[str, str]:
    """Options for `scan_iceberg`: Iceberg's names, and the ones that Polars passes on as they are."""
    return {**s3.iceberg_properties(), "aws_allow_http": "false" if s3.secure else "true"}


def object_store_options(s3: S3Settings) -> dict[str, str]:
    """Options for `scan_parquet`; with a full set of keys nobody asks a cloud's metadata service."""
    return {
        "aws_endpoint_url": s3.url,
        "aws_region": s3.region,
        "aws_access_key_id": s3.access_key,
        "aws_secret_access_key": s3.secret_key.get_secret_value(),
        "aws_virtual_hosted_style_request": "false",
        "aws_allow_http": "false" if s3.secure else "true",
    }
