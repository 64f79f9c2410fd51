"""Prints results as a table for a person or as JSON for a program."""

import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from lumbung.cli.context import options
from lumbung.cli.plain import message_dict, plain
from lumbung.texts import say

__all__ = ["message_dict", "note", "print_lines", "print_record", "print_rows"]

MAX_CELL = 60


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Prints rows; the JSON form is an array of objects with every field."""
    if options.json:
        _print_json(list(rows))
        return
    names = list(columns or (rows[0] if rows else ()))
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    right = [all(_is_number(line[index]) or not line[index] for line in cells) for index in range(len(names))]
    shown = [
        [text if number else _cut(text) for text, number in zip(line, right, strict=True)] for line in cells
    ]
    heads = [_visible(name) for name in names]
    widths = [max(_width(line[index]) for line in (heads, *shown)) for index in range(len(names))]

    def line(values: Sequence[str]) -> str:
        padded = [
            " " * (width - _width(value)) + value if number else value + " " * (width - _width(value))
            for value, width, number in zip(values, widths, right, strict=True)
        ]
        return "  ".join(padded).rstrip() + "\n"

    if names:
        sys.stdout.write(line(heads) + line(["-" * width for width in widths]))
    for values in shown:
        sys.stdout.write(line(values))
    if not rows:
        note(say("no_rows"))


def print_record(record: Mapping[str, Any]) -> None:
    """Prints one thing, a field a line; the JSON form is one object."""
    if options.json:
        _print_json(record)
        return
    width = max((len(name) for name in record), default=0)
    for name, value in record.items():
        sys.stdout.write(f"{name.ljust(width)}  {_cell(value)}".rstrip() + "\n")


def print_lines(lines: Sequence[str]) -> None:
    """Prints text as it is, but for what would steer a terminal."""
    sys.stdout.writelines(_visible(line) + "\n" for line in lines)


def note(text: str) -> None:
    """Tells a person something beside the result; a program finds it in the JSON."""
    if not options.json:
        sys.stderr.write(_visible(text) + "\n")


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def _cell(value: Any) -> str:
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, str):
        return _visible(value)
    return _visible(json.dumps(value, ensure_ascii=False))


def _visible(text: str) -> str:
    """Text without characters that steer a terminal: files of others are shown here."""
    if text.isprintable():
        return text
    spaced = text.replace("\r\n", " ").replace("\n", " ").replace("\t", " ")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in spaced)


def _width(text: str) -> int:
    """Columns that a terminal needs: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(char) or unicodedata.category(char) in {"Me", "Mn", "Cf"}
        else 2
        if unicodedata.east_asian_width(char) in {"W", "F"}
        else 1
        for char in text
    )


def _cut(text: str) -> str:
    if _width(text) <= MAX_CELL:
        return text
    kept, width = [], 0
    for char in text:
        width += _width(char)
        if width > MAX_CELL - 1:
            break
        kept.append(char)
    return "".join(kept) + "…"


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal() and text.isascii()
