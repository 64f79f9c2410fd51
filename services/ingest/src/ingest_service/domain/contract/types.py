"""Types of columns."""

import re
from dataclasses import dataclass

__all__ = ["ColumnType"]

_PLAIN = frozenset({"text", "code", "integer", "date", "timestamp", "boolean"})
_DECIMAL = re.compile(r"^decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)$")
_MAX_DIGITS = 38


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type of the contract language; `precision` and `scale` (decimal digits) only for decimals."""

    kind: str
    precision: int = 0
    scale: int = 0

    @staticmethod
    def parse(text: str) -> "ColumnType":
        """Reads a type such as `decimal(20,0)`; ValueError says what a type may be."""
        if text in _PLAIN:
            return ColumnType(text)
        match = _DECIMAL.match(text)
        if match is None:
            raise ValueError(
                f"{text!r} is no type: use {', '.join(sorted(_PLAIN))} or decimal(precision,scale)"
            )
        precision, scale = int(match[1]), int(match[2])
        if not (1 <= precision <= _MAX_DIGITS and scale <= precision):
            raise ValueError(f"{text!r}: use 1 to {_MAX_DIGITS} digits and a scale within them")
        return ColumnType("decimal", precision, scale)

    @property
    def is_text(self) -> bool:
        """Whether values are stored as text."""
        return self.kind in {"text", "code"}

    @property
    def is_number(self) -> bool:
        """Whether values are integers or decimals."""
        return self.kind in {"integer", "decimal"}

    @property
    def lake_type(self) -> str:
        """The type's name in the lake."""
        names = {"text": "text", "code": "text", "integer": "int", "date": "date"}
        names |= {"timestamp": "timestamptz", "boolean": "bool"}
        return names.get(self.kind, f"decimal({self.precision},{self.scale})")
