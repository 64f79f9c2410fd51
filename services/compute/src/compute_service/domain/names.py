"""Resource names, read in one place."""

import base64
import binascii
import re

from servicekit.errors import InvalidArgumentError, Text

__all__ = ["page_limit", "parse_parent", "parse_pipeline_name", "parse_run_name", "read_token", "write_token"]

_PIPELINE = re.compile(r"pipelines/([a-z][a-z0-9_]{0,62})")
_RUN = re.compile(r"pipelines/([a-z][a-z0-9_]{0,62})/runs/([a-z0-9-]{1,64})")
DEFAULT_PAGE, MAX_PAGE = 50, 1000


def parse_pipeline_name(name: str) -> str:
    """The pipeline of `pipelines/{pipeline}`; InvalidArgumentError when it is no such name."""
    match = _PIPELINE.fullmatch(name)
    if match is None:
        raise _wrong("name", name, "pipelines/{pipeline}")
    return match[1]


def parse_run_name(name: str) -> tuple[str, str]:
    """Pipeline and run of `pipelines/{pipeline}/runs/{run}`; InvalidArgumentError when it is no such name."""
    match = _RUN.fullmatch(name)
    if match is None:
        raise _wrong("name", name, "pipelines/{pipeline}/runs/{run}")
    return match[1], match[2]


def parse_parent(parent: str) -> str | None:
    """The pipeline of a parent, or None for `pipelines/-`."""
    if parent == "pipelines/-":
        return None
    match = _PIPELINE.fullmatch(parent)
    if match is None:
        raise _wrong("parent", parent, "pipelines/{pipeline} or pipelines/-")
    return match[1]


def page_limit(page_size: int) -> int:
    """Items on a page: 50 when 0, 1,000 at most; InvalidArgumentError below 0."""
    if page_size < 0:
        raise _wrong("page_size", str(page_size), "0 or more")
    return min(page_size or DEFAULT_PAGE, MAX_PAGE)


def write_token(key: str) -> str:
    """A page token that stands for the last key of a page."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def read_token(token: str) -> str:
    """The key of a page token ("" for none); InvalidArgumentError when it is not one of ours."""
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise _wrong("page_token", token, "a next_page_token") from error


def _wrong(field: str, value: str, wanted: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        Text(en=f"{field} is {value[:100]!r}.", id=f"{field} bernilai {value[:100]!r}."),
        Text(en=f"Give {wanted}.", id=f"Isi dengan {wanted}."),
        field=field,
    )
