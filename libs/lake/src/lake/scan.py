"""Opens table files with Polars. Only the reader and the writer's replacement use it; nobody else may.

Column names and types of old files are mapped through Iceberg's field ids. This is the one place that relies on
inner parts of Polars; the integration tests of renamed and widened columns guard it.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
from polars._plr import PyLazyFrame
from polars._utils.wrap import wrap_ldf
from polars.io.cloud._utils import NoPickleOption
from polars.io.iceberg._dataset import (
    IcebergScanResolver,
    IcebergScanTableSerializer,
    IcebergTableWrap,
    _NativeIcebergScanData,
)
from polars.io.iceberg._utils import name_mapping_by_field_id
from polars.io.scan_options.cast_options import ScanCastOptions
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.schema import Schema
from pyiceberg.table import Table

from lake.filecache import FileCache
from lake.iceberg import from_iceberg_schema
from lake.settings import S3Settings

# Planning through pyiceberg, whose manifests Polars caches; without this Polars warns that its own planner is missing.
os.environ.setdefault("POLARS_ICEBERG_PLANNER", "pyiceberg")

Credentials = Callable[[], tuple[dict[str, str | None], None]]


class FileSource:
    """Where data files are read from: S3, or the local cache of them where there is one."""

    def __init__(self, s3: S3Settings, cache: FileCache | None = None) -> None:
        self._s3, self._cache = s3, cache

    def locate(self, files: Sequence[tuple[str, int]]) -> dict[str, Any]:
        """Arguments of `scan_parquet` for these files (address, bytes)."""
        local = self._cache.local(files) if self._cache else None
        if local is not None:
            return {"source": local, "credential_provider": None}
        return {
            "source": [path for path, _ in files],
            "storage_options": self._storage_options(),
            "credential_provider": self._credentials(),
        }

    def _storage_options(self) -> dict[str, str]:
        return {
            "aws_endpoint_url": self._s3.url,
            # The environment's variable of this name would win over the option above.
            "aws_endpoint_url_s3": self._s3.url,
            "aws_region": self._s3.region,
            "aws_virtual_hosted_style_request": "false",
            "aws_allow_http": "false" if self._s3.secure else "true",
        }

    def _credentials(self) -> Credentials:
        # A provider, not options: those are mixed with a session token of the environment, and without any key a
        # cloud's metadata service would be asked.
        key, secret = self._s3.access_key, self._s3.secret_key.get_secret_value()
        return lambda: ({"aws_access_key_id": key, "aws_secret_access_key": secret}, None)


def scan_table(table: Table, snapshot_id: int | None, source: FileSource) -> pl.LazyFrame:
    """One past snapshot under its own schema, or with None the table as it was loaded, under its present schema.

    Files are planned when the query is known, so that it prunes them.
    """
    resolver = _Resolver(
        table=IcebergTableWrap(
            table_=NoPickleOption(table),
            table_descriptor_=None,
            serializer=IcebergScanTableSerializer(),
            iceberg_storage_properties=None,
        ),
        snapshot_id=snapshot_id,
        from_snapshot_id_exclusive=None,
        to_snapshot_id_inclusive=None,
        reader_override="native",
        use_metadata_statistics=True,
        fast_deletion_count=False,
        use_pyiceberg_filter=True,
    )
    resolver.files = source
    return wrap_ldf(PyLazyFrame.new_from_dataset_object(resolver))


def scan_files(
    table: Table, files: Sequence[tuple[str, int]], source: FileSource, *, schema: Schema | None = None
) -> pl.LazyFrame:
    """Some data files (address, bytes) of a table, under its present schema or a given one."""
    present = schema or table.schema()
    return pl.scan_parquet(
        **source.locate(files),
        # Without it the schema would be that of the first file, which may be older than the table's.
        schema=from_iceberg_schema(present).to_polars(),
        glob=False,
        cast_options=ScanCastOptions._default_iceberg(),  # noqa: SLF001
        missing_columns="insert",
        extra_columns="ignore",
        _column_mapping=(
            "iceberg-column-mapping",
            schema_to_pyarrow(present),
            name_mapping_by_field_id(table),
        ),
        _source_sizes=[size for _, size in files],
    )


class _Resolver(IcebergScanResolver):
    """Polars' own resolver; the files that it plans are read from where we say."""

    files: FileSource

    def _to_dataset_scan_impl(self, **query: Any) -> Any:
        planned = super()._to_dataset_scan_impl(**query)
        return planned if planned is None else _Planned(planned, self.files)


class _Planned:
    """A planned scan with its files located."""

    def __init__(self, planned: Any, files: FileSource) -> None:
        if (
            not isinstance(planned, _NativeIcebergScanData)
            or planned.deletion_vectors
            or planned.position_delete_files
        ):
            raise TypeError("a table of the lake holds Parquet files without delete files")
        self._planned, self._files = planned, files
        self.snapshot_id_key = planned.snapshot_id_key

    def to_lazyframe(self) -> pl.LazyFrame:
        planned = self._planned
        files = list(zip(planned.sources, planned.source_sizes, strict=True))
        return pl.scan_parquet(
            **self._files.locate(files),
            glob=False,
            cast_options=ScanCastOptions._default_iceberg(),  # noqa: SLF001
            missing_columns="insert",
            extra_columns="ignore",
            _column_mapping=("iceberg-column-mapping", planned.column_mapping, planned.name_mapping),
            _default_values=("iceberg", planned.default_values),
            _table_statistics=planned.min_max_statistics,
            _row_count=planned.row_count,
            _source_sizes=planned.source_sizes,
        )
