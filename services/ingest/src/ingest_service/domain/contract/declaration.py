"""Reads a declaration."""

from pydantic import ValidationError

from ingest_service.domain.contract.consistency import problems_of
from ingest_service.domain.contract.model import Declaration
from ingest_service.domain.document import load_document, path_of
from ingest_service.errors import ContractError
from servicekit.errors import Text

__all__ = ["parse_declaration"]

_MAX_SHOWN = 10


def parse_declaration(text: str) -> Declaration:
    """The declaration in a YAML document.

    Raises:
        ContractError: names each wrong place with its path.
    """
    try:
        document = load_document(text)
    except ValueError as error:
        raise _error([str(error)]) from error
    try:
        declaration = Declaration.model_validate(document)
    except ValidationError as error:
        raise _error([f"{path_of(item['loc'])}: {item['msg']}" for item in error.errors()]) from error
    problems = [f"contract.{problem}" for problem in problems_of(declaration.contract)]
    if problems:
        raise _error(problems)
    return declaration


def _error(problems: list[str]) -> ContractError:
    shown = "; ".join(problems[:_MAX_SHOWN])
    more = f" (+{len(problems) - _MAX_SHOWN})" if len(problems) > _MAX_SHOWN else ""
    return ContractError(
        Text(en=f"The contract is not valid: {shown}{more}.", id=f"Kontrak tidak sah: {shown}{more}."),
        Text(
            en="Correct these places and apply the dataset again.",
            id="Perbaiki bagian tersebut lalu terapkan lagi dataset ini.",
        ),
        field=problems[0].partition(":")[0],
    )
