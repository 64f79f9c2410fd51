"""Values of Avro as texts: one flat record per message."""

import json
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import fastavro

from ingest_service.engine.readers.records import Number

__all__ = ["AvroError", "record_reader"]

_PLAIN = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_NAMED = frozenset({"enum", "fixed"})


class AvroError(Exception):
    """A schema or a value that is not one flat record; says why."""


def record_reader(schema_text: str) -> Callable[[bytes], dict[str, Any]]:
    """What reads records of a schema: values are texts, `Number`s, booleans or None.

    Raises:
        AvroError: the schema is none, or has fields that hold more than one value.
    """
    try:
        schema = json.loads(schema_text)
        _expect_flat(schema)
        parsed = fastavro.parse_schema(schema)
    except AvroError:
        raise
    except Exception as error:
        raise AvroError(f"the schema cannot be used: {error}") from error

    def read(content: bytes) -> dict[str, Any]:
        stream = BytesIO(content)
        try:
            record = fastavro.schemaless_reader(stream, parsed, None)
        except Exception as error:
            raise AvroError(
                f"it is no record of its schema: {type(error).__name__} {error}".strip()
            ) from error
        if stream.tell() != len(content):
            raise AvroError(f"{len(content) - stream.tell()} bytes follow the record")
        if not isinstance(record, dict):
            raise AvroError("it is no record")
        return {name: _value(name, value) for name, value in record.items()}

    return read


def _expect_flat(schema: Any) -> None:
    """Nested values have no column to go to, and a few bytes of them can stand for any number of values."""
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise AvroError("the schema is not that of a record")
    for field in schema.get("fields", []):
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        for kind in kinds:
            word = kind.get("type") if isinstance(kind, dict) else kind
            known = isinstance(word, str) and (word in _PLAIN or (isinstance(kind, dict) and word in _NAMED))
            if not known:
                raise AvroError(f"the field {field['name']} is nested")


def _value(name: str, value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return Number(repr(value))
    if isinstance(value, Decimal):
        return Number(format(value, "f"))
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise AvroError(f"{name} holds {type(value).__name__}")
