"""Page sizes and page tokens."""

import base64
import binascii
import json
from typing import Any

from servicekit.errors import InvalidArgumentError, Text

__all__ = ["page_size", "read_token", "write_token"]


def page_size(asked: int, *, default: int, most: int) -> int:
    """How many to give: `default` for 0, at most `most`; InvalidArgumentError when negative."""
    if asked < 0:
        raise InvalidArgumentError(
            Text(en=f"page_size is {asked}.", id=f"page_size bernilai {asked}."),
            Text(en=f"Use 0 to {most}.", id=f"Gunakan 0 sampai {most}."),
            field="page_size",
        )
    return min(asked or default, most)


def write_token(key: Any) -> str:
    """An opaque token of a JSON value."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def read_token(token: str, kinds: tuple[type, ...]) -> Any:
    """The list in a token, whose items have the given types; InvalidArgumentError for any other text."""
    try:
        key = json.loads(base64.urlsafe_b64decode(token.encode()))
        if [type(part) for part in key] == list(kinds) and all(part != -1 for part in key):
            return key
    except (ValueError, TypeError, binascii.Error):
        pass
    raise InvalidArgumentError(
        Text(en="The page_token is not one of ours.", id="page_token tidak dikenal."),
        Text(
            en="Use next_page_token of the page before.",
            id="Gunakan next_page_token dari halaman sebelumnya.",
        ),
        field="page_token",
        reason="PAGE_TOKEN_INVALID",
    )
