"""Types of columns, as far as one may take the place of another."""

import re

__all__ = ["widens"]

_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_TEXTS = frozenset({"text", "code"})


def widens(before: str, after: str) -> bool:
    """Whether every value of `before` is one of `after`, written the same way.

    A decimal may get more digits in front (Iceberg's promotion of types, format version 2, "Schema evolution"); more digits behind
    would rewrite every value. `code` and `text` are both text.
    """
    if {before, after} <= _TEXTS:
        return True
    old, new = _DECIMAL.fullmatch(before), _DECIMAL.fullmatch(after)
    return old is not None and new is not None and int(old[2]) == int(new[2]) and int(old[1]) <= int(new[1])
