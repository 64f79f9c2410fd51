"""Additive schema evolution: what was written before stays readable and keeps its meaning."""

from pyiceberg.table import Table

from lake.errors import SchemaMismatchError
from lake.iceberg import from_iceberg_schema, to_iceberg_type
from lake.schema import Column, TableId, TableSchema
from servicekit.errors import Text


def evolve(table: Table, name: TableId, wanted: TableSchema) -> None:
    """Make the table hold the wanted schema; nothing is written when it does.

    Columns that the wanted schema lacks stay. SchemaMismatchError for a change that is not additive.
    """
    present = _columns(table)
    new, changed = _changes(present, name, wanted)
    if not new and not changed:
        return
    with table.update_schema() as update:
        for column in changed:
            if column.type != present[column.name].type:
                update.update_column(column.name, field_type=to_iceberg_type(column))
            if present[column.name].required and not column.required:
                update.make_column_optional(column.name)
            if column.description != present[column.name].description:
                update.update_column(column.name, doc=column.description)
        for column in new:
            # Optional even where it is wanted required: the rows of today have no value for it.
            update.add_column((column.name,), to_iceberg_type(column), doc=column.description or None)


def holds(table: Table, name: TableId, wanted: TableSchema) -> bool:
    """Whether `evolve` would have nothing to do. Errors as of `evolve`."""
    return _changes(_columns(table), name, wanted) == ([], [])


def _columns(table: Table) -> dict[str, Column]:
    return {column.name: column for column in from_iceberg_schema(table.schema()).columns}


def _changes(
    present: dict[str, Column], name: TableId, wanted: TableSchema
) -> tuple[list[Column], list[Column]]:
    """Columns that are new, and columns that are there and must change."""
    new = [column for column in wanted.columns if column.name not in present]
    changed = [
        column
        for column in wanted.columns
        if column.name in present and _differs(present[column.name], column, name)
    ]
    return new, changed


def _differs(present: Column, wanted: Column, name: TableId) -> bool:
    if present.type != wanted.type and not _widens(present, wanted):
        raise SchemaMismatchError(
            Text(
                id=f"Kolom {present.name} tabel {name} bertipe {present.type}; tidak dapat menjadi {wanted.type}.",
                en=f"Column {present.name} of table {name} is {present.type}; it cannot become {wanted.type}.",
            ),
            Text(
                id="Tambahkan kolom baru, atau buat dataset baru.",
                en="Add a new column, or make a new dataset.",
            ),
            field=present.name,
        )
    loosened = present.required and not wanted.required
    described = bool(wanted.description) and present.description != wanted.description
    return present.type != wanted.type or loosened or described


def _widens(present: Column, wanted: Column) -> bool:
    if (present.type, wanted.type) == ("int32", "int"):
        return True
    if present.decimal and wanted.decimal:
        return present.decimal[1] == wanted.decimal[1] and present.decimal[0] < wanted.decimal[0]
    return False
