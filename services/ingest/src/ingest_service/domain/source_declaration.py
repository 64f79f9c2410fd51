"""Reads the declaration of a source."""

from pydantic import ValidationError

from ingest_service.domain.contract import Contract
from ingest_service.domain.document import load_document, path_of
from ingest_service.domain.source import SourceDeclaration
from ingest_service.errors import SourceInvalidError
from servicekit.errors import Text

__all__ = ["check_feeds", "parse_source"]

_MAX_SHOWN = 10


def parse_source(text: str) -> SourceDeclaration:
    """The declaration in a YAML document.

    Raises:
        SourceInvalidError: names each wrong place with its path; never a value, which might be a secret.
    """
    try:
        document = load_document(text)
    except ValueError as error:
        raise _error([str(error)]) from error
    try:
        return SourceDeclaration.model_validate(document)
    except ValidationError as error:
        raise _error([f"{path_of(item['loc'])}: {item['msg']}" for item in error.errors()]) from error


def check_feeds(source: SourceDeclaration, contract: Contract) -> None:
    """Whether a contract can take what a source gives.

    Raises:
        SourceInvalidError: the dataset takes files, or has no key where the source needs one, or one that it cannot keep.
    """
    place = f"dataset ({source.dataset})"
    problems = []
    if contract.format is not None:
        problems.append(f"{place}: it takes files (`format`); what a source feeds is written by it alone")
    if source.kafka is not None and any(column.key for column in contract.columns):
        # Only the rows of one batch are seen together.
        problems.append(f"{place}: messages are appended, so that `key` columns cannot be held unique")
    if source.sql is not None and source.sql.mode == "incremental":
        keys = [column for column in contract.columns if column.key]
        if not keys:
            problems.append(f"{place}: mode incremental needs a contract with `key` columns")
        if source.sql.deletes is not None and any(column.file_column is None for column in keys):
            problems.append(f"{place}: `deletes` needs key columns that the source has (no carry, no derive)")
    if problems:
        raise _error(problems)


def _error(problems: list[str]) -> SourceInvalidError:
    shown = "; ".join(problems[:_MAX_SHOWN])
    return SourceInvalidError(
        Text(en=f"The source is not valid: {shown}.", id=f"Sumber tidak sah: {shown}."),
        Text(
            en="Correct these places and apply it again.", id="Perbaiki bagian tersebut lalu terapkan lagi."
        ),
        field=problems[0].partition(":")[0],
    )
