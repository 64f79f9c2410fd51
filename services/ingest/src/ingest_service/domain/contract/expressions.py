"""Reads the expressions of contracts far enough to know their columns and to refuse what the language lacks."""

import re

__all__ = ["AGGREGATES", "columns_of"]

_FUNCTIONS = frozenset(
    [
        "abs",
        "coalesce",
        "nullif",
        "round",
        "lower",
        "upper",
        "length",
        "left",
        "right",
        "substr",
        "concat",
        "starts_with",
    ]
)
AGGREGATES = frozenset(["sum", "count", "min", "max", "median"])
_KEYWORDS = frozenset(
    [
        "and",
        "or",
        "not",
        "is",
        "null",
        "in",
        "between",
        "like",
        "case",
        "when",
        "then",
        "else",
        "end",
        "cast",
        "as",
        "true",
        "false",
        "distinct",
    ]
)
_TYPES = frozenset(
    ["bigint", "integer", "int", "smallint", "text", "varchar", "boolean", "date", "decimal", "numeric"]
)
_MAX_CHARS = 4000
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")+")
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<operator><>|<=|>=|!=|\|\||[-+*/%=<>~(),])""",
    re.VERBOSE,
)


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(
                f"{text[position]!r} at character {position + 1} has no meaning in an expression"
            )
        position = match.end()
        if match.lastgroup != "space":
            found.append((match.lastgroup or "", match.group()))
    return found


def columns_of(text: str, *, aggregate: bool = False) -> frozenset[str]:
    """Names that an expression uses as columns; `aggregate` allows the functions of `let`.

    ValueError for an empty or too long expression, a function outside the language, a sub-query or OVER.
    """
    if not text.strip() or len(text) > _MAX_CHARS:
        raise ValueError(f"an expression has 1 to {_MAX_CHARS} characters")
    tokens = _tokens(text)
    names: set[str] = set()
    for index, (kind, token) in enumerate(tokens):
        if kind == "quoted":
            names.add(token[1:-1].replace('""', '"'))
        elif kind == "word":
            before = tokens[index - 1][1].lower() if index else ""
            after = tokens[index + 1][1] if index + 1 < len(tokens) else ""
            if _is_column(token, before, after, aggregate=aggregate):
                names.add(token)
    return frozenset(names)


def _is_column(token: str, before: str, after: str, *, aggregate: bool) -> bool:
    """Whether a word names a column; ValueError where the language lacks it."""
    word = token.lower()
    if word in {"select", "from", "over"}:
        raise ValueError(f"{token} is not part of the language; a window is written as `let`")
    if word in _KEYWORDS:
        if word == "distinct" and not aggregate:
            raise ValueError("DISTINCT is only for count in `let`")
        return False
    if before == "as":
        if word not in _TYPES:
            raise ValueError(f"CAST AS {token}: use one of {', '.join(sorted(_TYPES))}")
        return False
    if after == "(":
        allowed = _FUNCTIONS | AGGREGATES if aggregate else _FUNCTIONS
        if word not in allowed:
            raise ValueError(f"the function {token} is not known; use {', '.join(sorted(allowed))}")
        return False
    return True
