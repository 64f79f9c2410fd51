"""Path templates of google.api.http as expressions for the two engines that match paths in the gateway."""

import re

__all__ = ["lua_pattern", "regex"]

_VARIABLE = re.compile(r"\{[^=}]+(?:=([^}]+))?\}")
_LUA_MAGIC = re.compile(r"([\^$()%.\[\]*+\-?])")


def _segments(template: str) -> list[str]:
    """The template cut into literals and wildcards (`*`, `**`)."""
    flat = _VARIABLE.sub(lambda match: match.group(1) or "*", template)
    return [piece for piece in re.split(r"(\*\*|\*)", flat) if piece]


def regex(template: str) -> str:
    """An RE2 expression that matches the whole path, e.g. `/v1/datasets/[^/:]+`."""
    kinds = {"*": "[^/:]+", "**": ".+"}
    return "".join(kinds.get(piece) or re.escape(piece) for piece in _segments(template))


def lua_pattern(template: str) -> str:
    """A Lua pattern that matches the whole path, e.g. `^/v1/datasets/[^/:]+$`."""
    kinds = {"*": "[^/:]+", "**": ".+"}
    body = "".join(kinds.get(piece) or _LUA_MAGIC.sub(r"%\1", piece) for piece in _segments(template))
    return f"^{body}$"
