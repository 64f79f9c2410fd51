"""Prints results as a table for a person or as JSON for a program."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from lumbung.cli.context import OutputFormat, options

__all__ = ["Progress", "message_dict", "print_record", "print_rows"]

MAX_CELL = 60


def message_dict(message: Message) -> dict[str, Any]:
    """A message as plain data, with the proto's own field names; 64-bit integers stay numbers."""
    plain: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return _integers(message, plain)


def _integers(message: Message, plain: dict[str, Any]) -> dict[str, Any]:
    wide = {"int64", "uint64"}
    for field in message.DESCRIPTOR.fields:
        value = plain.get(field.name)
        kind = {field.TYPE_INT64: "int64", field.TYPE_UINT64: "uint64"}.get(field.type)
        if kind in wide and isinstance(value, str):
            plain[field.name] = int(value)
    return plain


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping | list | tuple):
        value = json.dumps(value, ensure_ascii=False, default=str)
    text = str(value).replace("\n", " ")
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).replace(",", "").isdigit()


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Prints rows; the JSON form is an array of objects with every field."""
    if options.output is OutputFormat.JSON:
        sys.stdout.write(json.dumps(list(rows), ensure_ascii=False, default=str, indent=1) + "\n")
        return
    names = list(columns or (rows[0] if rows else ()))
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max([len(name), *(len(line[index]) for line in cells)]) for index, name in enumerate(names)]
    right = [
        bool(cells) and all(_is_number(line[index]) or not line[index] for line in cells)
        for index in range(len(names))
    ]

    def line(values: Sequence[str]) -> str:
        padded = [v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True)]
        return "  ".join(padded).rstrip() + "\n"

    if names:
        sys.stdout.write(line(names) + line(["-" * width for width in widths]))
    for values in cells:
        sys.stdout.write(line(values))


def print_record(record: Mapping[str, Any]) -> None:
    """Prints one thing, a field a line; the JSON form is one object."""
    if options.output is OutputFormat.JSON:
        sys.stdout.write(json.dumps(record, ensure_ascii=False, default=str, indent=1) + "\n")
        return
    width = max((len(name) for name in record), default=0)
    for name, value in record.items():
        shown = (
            json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, Mapping | list) else value
        )
        sys.stdout.write(f"{name.ljust(width)}  {shown}\n")


class Progress:
    """A line on standard error that changes in place; silent when it is no terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._shown = sys.stderr.isatty()

    def update(self, done: float, total: float, note: str = "") -> None:
        """Shows how far it is."""
        if self._shown:
            share = f"{100 * done / total:5.1f}%" if total else "     "
            sys.stderr.write(f"\r{self._label} {share} {note}\033[K")
            sys.stderr.flush()

    def close(self) -> None:
        """Clears the line."""
        if self._shown:
            sys.stderr.write("\r\033[K")
