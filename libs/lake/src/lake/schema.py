"""Table schemas in the platform's own words, independent of Iceberg, Arrow and Polars."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

_TYPE = re.compile(r"(text|int|int32|bool|date|timestamptz|double|binary|decimal\((\d{1,2}),(\d{1,2})\))")
_MAX_DIGITS, _MAX_NAME = 38, 255
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class TableId:
    """A table: namespace `lake` for datasets, `quarantine` for the rows that broke their contract."""

    namespace: str
    name: str

    def __post_init__(self) -> None:
        for part in (self.namespace, self.name):
            if not _NAME.fullmatch(part):
                raise ValueError(f"{part!r} is not a table name: want [a-z][a-z0-9_]{{0,62}}")

    @staticmethod
    def of(value: "TableId | str") -> "TableId":
        """A dataset id is a table of the lake; `quarantine.x` names the namespace too."""
        if isinstance(value, TableId):
            return value
        namespace, _, name = value.rpartition(".")
        return TableId(namespace or "lake", name)

    @staticmethod
    def quarantine(dataset: str) -> "TableId":
        """The quarantine table of a dataset."""
        return TableId("quarantine", dataset)

    @property
    def identifier(self) -> tuple[str, str]:
        """As Iceberg names it."""
        return (self.namespace, self.name)

    def __str__(self) -> str:
        return self.name if self.namespace == "lake" else f"{self.namespace}.{self.name}"


@dataclass(frozen=True)
class Column:
    """One column. `type` is text, int (64 bits), int32, bool, date, timestamptz (UTC, microseconds), double
    (never for money), binary, or decimal(precision,scale) with at most 38 digits.
    """

    name: str
    type: str
    required: bool = False
    description: str = ""

    def __post_init__(self) -> None:
        match = _TYPE.fullmatch(self.type)
        if match is None:
            raise ValueError(f"column {self.name!r}: {self.type!r} is not a type of the lake")
        if match[2] and not (1 <= int(match[2]) <= _MAX_DIGITS and int(match[3]) <= int(match[2])):
            raise ValueError(
                f"column {self.name!r}: {self.type!r}: want 1 to 38 digits and a scale within them"
            )
        if not 0 < len(self.name) <= _MAX_NAME:
            raise ValueError(f"column name {self.name[:40]!r}…: want 1 to 255 characters")

    @property
    def decimal(self) -> tuple[int, int] | None:
        """Precision and scale, or None for other types."""
        match = _TYPE.fullmatch(self.type)
        return (int(match[2]), int(match[3])) if match and match[2] else None

    @property
    def arrow_type(self) -> pa.DataType:
        """Arrow type of this column."""
        if self.decimal:
            return pa.decimal128(*self.decimal)
        return _ARROW[self.type]

    @property
    def polars_type(self) -> pl.DataType:
        """Polars type of this column."""
        if self.decimal:
            return pl.Decimal(*self.decimal)
        return _POLARS[self.type]


_ARROW: dict[str, pa.DataType] = {
    "text": pa.large_string(),
    "int": pa.int64(),
    "int32": pa.int32(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "double": pa.float64(),
    "binary": pa.large_binary(),
}
_POLARS: dict[str, pl.DataType] = {
    "text": pl.String(),
    "int": pl.Int64(),
    "int32": pl.Int32(),
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "timestamptz": pl.Datetime("us", "UTC"),
    "double": pl.Float64(),
    "binary": pl.Binary(),
}


@dataclass(frozen=True)
class TableSchema:
    """Columns in order; names are unique."""

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        names = self.names
        if repeated := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"columns named more than once: {', '.join(sorted(repeated))}")
        if not names:
            raise ValueError("a table needs at least one column")

    @staticmethod
    def of(columns: Iterable[tuple[str, str]]) -> "TableSchema":
        """From (name, type) pairs."""
        return TableSchema(tuple(Column(name, type_) for name, type_ in columns))

    @staticmethod
    def from_arrow(schema: pa.Schema) -> "TableSchema":
        """From an Arrow schema; types without an exact counterpart are refused with ValueError."""
        return TableSchema(tuple(_from_arrow(field) for field in schema))

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    def to_arrow(self) -> pa.Schema:
        """As an Arrow schema, without field ids."""
        return pa.schema([pa.field(c.name, c.arrow_type, nullable=not c.required) for c in self.columns])

    def to_polars(self) -> pl.Schema:
        """As a Polars schema."""
        return pl.Schema({column.name: column.polars_type for column in self.columns})


def _from_arrow(field: pa.Field) -> Column:
    kind = field.type
    if pa.types.is_decimal128(kind):
        name = f"decimal({kind.precision},{kind.scale})"
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        name = "text"
    elif kind in (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16()):
        name = "int32"
    elif kind in (pa.int64(), pa.uint32()):
        name = "int"
    elif pa.types.is_boolean(kind):
        name = "bool"
    elif pa.types.is_date32(kind):
        name = "date"
    elif pa.types.is_timestamp(kind) and kind.tz is not None:
        name = "timestamptz"
    elif kind in (pa.float32(), pa.float64()):
        name = "double"
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        name = "binary"
    else:
        raise ValueError(f"column {field.name!r}: Arrow type {kind} has no exact counterpart in the lake")
    return Column(field.name, name, required=not field.nullable)
