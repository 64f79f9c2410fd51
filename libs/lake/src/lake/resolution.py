"""Brings a decision, which names columns as people do, to the names of the snapshot that is read.

A column keeps its field id through renames. A rule for a name holds for every column that bears the name or ever bore
it, so that neither a rename nor a read of the past gets around a mask or a filter.
"""

from collections.abc import Mapping
from dataclasses import replace

from pyiceberg.schema import Schema
from pyiceberg.table import Table

from lake.decision import Condition, Mask, ReadDecision, RowFilter
from lake.errors import AccessDeniedError
from servicekit.errors import Text


def resolve(decision: ReadDecision, table: Table, schema: Schema) -> ReadDecision:
    """The decision in the column names of `schema`, which is one of the table's schemas.

    AccessDeniedError when the filter's column is not in it: what cannot be filtered is not shown.
    """
    ids = _ids_by_name(table)
    names = {field.field_id: field.name for field in schema.fields}
    return replace(
        decision,
        masks=_masks(decision.masks, ids, names),
        denied_columns=frozenset(
            names[number]
            for name in decision.denied_columns
            for number in ids.get(name, ())
            if number in names
        ),
        row_filter=_row_filter(decision.row_filter, table, ids, names),
    )


def _ids_by_name(table: Table) -> dict[str, set[int]]:
    """Field ids by every name that they have had."""
    ids: dict[str, set[int]] = {}
    for schema in table.schemas().values():
        for field in schema.fields:
            ids.setdefault(field.name, set()).add(field.field_id)
    return ids


def _masks(
    masks: Mapping[str, Mask], ids: Mapping[str, set[int]], names: Mapping[int, str]
) -> dict[str, Mask]:
    found: dict[str, Mask] = {}
    for name, mask in masks.items():
        for number in ids.get(name, ()):
            if number in names:
                other = found.get(names[number], mask)
                found[names[number]] = mask if other is mask else Mask.NULLIFY
    return found


def _row_filter(
    row_filter: RowFilter | None, table: Table, ids: Mapping[str, set[int]], names: Mapping[int, str]
) -> RowFilter | None:
    if row_filter is None or row_filter.is_nothing:
        return row_filter
    present = {field.name: field.field_id for field in table.schema().fields}
    conditions: list[Condition] = []
    for condition in row_filter.conditions:
        # The bearer of the name today, else the one that bore it before; two former bearers would be a guess.
        bearers = (
            {present[condition.column]} if condition.column in present else ids.get(condition.column, set())
        )
        found = [names[number] for number in bearers if number in names]
        if len(found) != 1:
            raise cannot_filter()
        conditions.append(replace(condition, column=found[0]))
    return RowFilter(tuple(conditions))


def cannot_filter() -> AccessDeniedError:
    """The error for a filter that the table's columns do not carry."""
    return AccessDeniedError(
        Text(
            id="Aturan akses menyaring menurut kolom yang tidak dimiliki tabel ini.",
            en="The access rule filters by a column that this table does not have.",
        ),
        Text(id="Hubungi pengelola data dataset ini.", en="Ask the steward of this dataset."),
    )
