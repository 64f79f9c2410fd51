"""The Iceberg catalog: one name, one database, and a memory for metadata that cannot change."""

import threading
from collections import OrderedDict
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    IcebergType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)
from sqlalchemy import URL

from lake.errors import TableNotFoundError
from lake.schema import Column, TableId, TableSchema
from lake.settings import LakeSettings
from servicekit.errors import Text

# Part of the key of every row in the catalog: with another name a process would see an empty lake.
CATALOG_NAME = "lumbung"
_CACHED_TABLES = 256

_TO_ICEBERG: dict[str, IcebergType] = {
    "text": StringType(),
    "int": LongType(),
    "int32": IntegerType(),
    "bool": BooleanType(),
    "date": DateType(),
    "timestamptz": TimestamptzType(),
    "double": DoubleType(),
    "binary": BinaryType(),
}
_FROM_ICEBERG = {str(kind): name for name, kind in _TO_ICEBERG.items()}


class LakeCatalog(SqlCatalog):
    """SqlCatalog that reads a metadata file once: its content never changes, only the pointer in PostgreSQL does."""

    def __init__(self, name: str, **properties: str) -> None:
        self._metadata: OrderedDict[str, TableMetadata] = OrderedDict()
        self._metadata_lock = threading.Lock()
        super().__init__(name, **properties)

    def _convert_orm_to_iceberg(self, orm_table: IcebergTables) -> Table:
        location = orm_table.metadata_location or ""
        with self._metadata_lock:
            metadata = self._metadata.get(location)
            if metadata is not None:
                self._metadata.move_to_end(location)
        if metadata is None:
            file = self._load_file_io({}, location).new_input(location)
            metadata = FromInputFile.table_metadata(file)
            with self._metadata_lock:
                self._metadata[location] = metadata
                while len(self._metadata) > _CACHED_TABLES:
                    self._metadata.popitem(last=False)
        return Table(
            identifier=(*Catalog.identifier_to_tuple(orm_table.table_namespace), orm_table.table_name),
            metadata=metadata,
            metadata_location=location,
            io=self._load_file_io(metadata.properties, location),
            catalog=self,
        )

    def close(self) -> None:
        """Give back the connections."""
        self.engine.dispose()


def open_catalog(settings: LakeSettings) -> LakeCatalog:
    """Open the catalog, whose tables a migration has created."""
    postgres = settings.postgres
    uri = URL.create(
        "postgresql+psycopg",
        username=postgres.user,
        password=postgres.password.get_secret_value(),
        host=postgres.host,
        port=postgres.port,
        database=postgres.database,
    )
    properties = {
        "uri": uri.render_as_string(hide_password=False),
        "pool_pre_ping": "true",
        "init_catalog_tables": "false",
        "warehouse": settings.s3.root,
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
        **settings.s3.iceberg_properties(),
    }
    return LakeCatalog(CATALOG_NAME, **properties)


def load_table(catalog: LakeCatalog, table: TableId) -> Table:
    """The table as the catalog points to it now; TableNotFoundError when there is none."""
    try:
        return catalog.load_table(table.identifier)
    except NoSuchTableError as error:
        raise TableNotFoundError(
            Text(id=f"Tidak ada tabel {table}.", en=f"There is no table {table}."),
            Text(id="Lihat daftar dataset.", en="See the list of datasets."),
        ) from error


def to_iceberg_type(column: Column) -> IcebergType:
    """Iceberg type of a column."""
    return DecimalType(*column.decimal) if column.decimal else _TO_ICEBERG[column.type]


def to_iceberg_schema(schema: TableSchema) -> Schema:
    """Iceberg schema with field ids from 1."""
    fields = [
        NestedField(
            number,
            column.name,
            to_iceberg_type(column),
            required=column.required,
            doc=column.description or None,
        )
        for number, column in enumerate(schema.columns, 1)
    ]
    return Schema(*fields)


def from_iceberg_schema(schema: Schema) -> TableSchema:
    """The platform's schema of an Iceberg schema; tables of the lake hold no other types."""
    return TableSchema(tuple(_column(field) for field in schema.fields))


def _column(field: NestedField) -> Column:
    kind: Any = field.field_type
    name = (
        f"decimal({kind.precision},{kind.scale})"
        if isinstance(kind, DecimalType)
        else _FROM_ICEBERG[str(kind)]
    )
    return Column(field.name, name, required=field.required, description=field.doc or "")
