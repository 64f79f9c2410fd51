"""The code in the pages of documentation."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Block", "blocks", "page_script"]

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>.*)$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language ("" where none is named), the number of its first line, and its text."""

    language: str
    line: int
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page, in order. Raises ValueError at one that is never closed."""
    opened: tuple[str, str, str, int] | None = None
    lines: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        match = _FENCE.match(line)
        if opened is None:
            if match:
                opened = (match["indent"], match["fence"], match["language"].strip(), number + 1)
                lines = []
            continue
        indent, fence, language, first = opened
        if match and match["fence"] == fence and not match["language"]:
            yield Block(language, first, "\n".join(lines))
            opened = None
        else:
            lines.append(line.removeprefix(indent))
    if opened is not None:
        raise ValueError(f"{page}:{opened[3] - 1}: the block is never closed")


def page_script(page: Path) -> str:
    """All `bash` and `python` blocks of a page as one shell script that says where it is and stops at a failure."""
    parts = ["set -euo pipefail"]
    for block in blocks(page):
        if block.language not in {"bash", "python"}:
            continue
        parts.append(f"echo '== {page.name}:{block.line}' >&2")
        if block.language == "python":
            parts.append(f"python - <<'PYTHON_BLOCK'\n{block.text}\nPYTHON_BLOCK")
        else:
            parts.append(block.text)
    return "\n".join(parts) + "\n"
