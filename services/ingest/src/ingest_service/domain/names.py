"""Resource names of ingest, parsed in one place."""

import re
import secrets
import time

from servicekit.errors import InvalidArgumentError, Text

__all__ = [
    "dataset_id",
    "dataset_name",
    "new_id",
    "source_id",
    "source_name",
    "source_run_id",
    "source_run_name",
    "submission_id",
    "submission_name",
    "upload_id",
    "upload_name",
]

_DATASET = re.compile(r"^datasets/([a-z][a-z0-9_]{0,62})$")
_UPLOAD = re.compile(r"^uploads/([0-9a-f]{22})$")
_SUBMISSION = re.compile(r"^submissions/([0-9a-f]{22})$")
_SOURCE = re.compile(r"^sources/([a-z][a-z0-9_]{0,62})$")
_SOURCE_RUN = re.compile(r"^sources/([a-z][a-z0-9_]{0,62})/runs/([0-9a-f]{22})$")


def new_id() -> str:
    """A fresh id of 22 hexadecimal digits; later ids sort after earlier ones."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}"


def _parse(pattern: re.Pattern[str], name: str, field: str, example: str) -> str:
    return _match(pattern, name, field, example)[1]


def _match(pattern: re.Pattern[str], name: str, field: str, example: str) -> re.Match[str]:
    match = pattern.match(name)
    if match is None:
        raise InvalidArgumentError(
            Text(
                en=f"{name[:100]!r} is no name for {field}.", id=f"{name[:100]!r} bukan nama untuk {field}."
            ),
            Text(en=f"Write it as {example}.", id=f"Tulis sebagai {example}."),
            field=field,
            reason="NAME_MALFORMED",
        )
    return match


def dataset_id(name: str, field: str = "dataset") -> str:
    """The id in `datasets/{dataset}`; InvalidArgumentError for anything else."""
    return _parse(_DATASET, name, field, "datasets/{dataset}")


def upload_id(name: str, field: str = "name") -> str:
    """The id in `uploads/{upload}`; InvalidArgumentError for anything else."""
    return _parse(_UPLOAD, name, field, "uploads/{upload}")


def submission_id(name: str, field: str = "name") -> str:
    """The id in `submissions/{submission}`; InvalidArgumentError for anything else."""
    return _parse(_SUBMISSION, name, field, "submissions/{submission}")


def source_id(name: str, field: str = "name") -> str:
    """The id in `sources/{source}`; InvalidArgumentError for anything else."""
    return _parse(_SOURCE, name, field, "sources/{source}")


def source_run_id(name: str, field: str = "name") -> tuple[str, str]:
    """Both ids in `sources/{source}/runs/{run}`; InvalidArgumentError for anything else."""
    match = _match(_SOURCE_RUN, name, field, "sources/{source}/runs/{run}")
    return match[1], match[2]


def source_name(source: str) -> str:
    """`sources/{source}`."""
    return f"sources/{source}"


def source_run_name(source: str, run: str) -> str:
    """`sources/{source}/runs/{run}`."""
    return f"sources/{source}/runs/{run}"


def dataset_name(dataset: str) -> str:
    """`datasets/{dataset}`."""
    return f"datasets/{dataset}"


def upload_name(upload: str) -> str:
    """`uploads/{upload}`."""
    return f"uploads/{upload}"


def submission_name(submission: str) -> str:
    """`submissions/{submission}`."""
    return f"submissions/{submission}"
