"""Reads a declaration."""

from typing import Any

import yaml
from pydantic import ValidationError

from ingest_service.domain.contract.consistency import problems_of
from ingest_service.domain.contract.model import Declaration
from ingest_service.errors import ContractError
from servicekit.errors import Text

__all__ = ["parse_declaration"]

_MAX_CHARS = 1_000_000
_MAX_SHOWN = 10


class _Loader(yaml.SafeLoader):
    """Safe YAML, without anchors and without a key given twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("anchors and aliases are not part of the language")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _value in node.value]
        repeated = {str(key) for key in keys if keys.count(key) > 1}
        if repeated:
            raise yaml.YAMLError(f"{', '.join(sorted(repeated))} is given twice{node.start_mark}")
        return super().construct_mapping(node, deep=deep)


def parse_declaration(text: str) -> Declaration:
    """The declaration in a YAML document.

    Raises:
        ContractError: names each wrong place with its path.
    """
    if len(text) > _MAX_CHARS:
        raise _error([f"the document is longer than {_MAX_CHARS} characters"])
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 - a subclass of the safe loader
    except (yaml.YAMLError, RecursionError) as error:
        raise _error([f"not YAML: {error}"]) from error
    try:
        declaration = Declaration.model_validate(document)
    except ValidationError as error:
        raise _error([f"{_path(item['loc'])}: {item['msg']}" for item in error.errors()]) from error
    problems = [f"contract.{problem}" for problem in problems_of(declaration.contract)]
    if problems:
        raise _error(problems)
    return declaration


def _path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".") or "document"


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
