"""Page sizes and opaque page tokens."""

import base64
import binascii

from catalog_service.errors import PageInvalidError

__all__ = ["decode_number", "decode_token", "encode_token", "page_size"]


def page_size(asked: int, default: int = 50, most: int = 1_000) -> int:
    """The size to use: `default` for 0, never over `most`.

    Raises:
        PageInvalidError: it is negative.
    """
    if asked < 0:
        raise PageInvalidError("page_size")
    return min(asked or default, most)


def encode_token(key: str) -> str:
    """The token of the page after `key`."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_token(token: str) -> str:
    """The key in a token; empty for the first page.

    Raises:
        PageInvalidError: no token that `encode_token` made.
    """
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise PageInvalidError("page_token") from error


def decode_number(token: str) -> int | None:
    """The number in a token; None for the first page.

    Raises:
        PageInvalidError: there is none.
    """
    if not token:
        return None
    key = decode_token(token)
    if not key.isascii() or not key.isdecimal() or len(key) > 18:  # noqa: PLR2004 (fits a bigint)
        raise PageInvalidError("page_token")
    return int(key)
