"""Declarations: YAML documents that say what a dataset, source, policy, pipeline or term is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lumbung.client import Client
from lumbung.errors import ApiError
from lumbung.texts import say

__all__ = ["Declaration", "apply_declarations", "read_declarations"]

# Policies first, so that what follows is never open; datasets before the sources that feed and the pipelines that use them.
_ORDER = ("Policy", "Dataset", "GlossaryTerm", "Source", "Pipeline")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One document with the file it stands in."""

    kind: str
    name: str
    text: str
    file: str


def read_declarations(path: Path) -> list[Declaration]:
    """Reads a file, or every `*.yaml` of a folder that has a `kind`.

    Raises:
        ApiError: INVALID_ARGUMENT naming the file whose YAML or kind is wrong, or when there is nothing.
    """
    files = [path] if path.is_file() else sorted(path.rglob("*.yaml"))
    found = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
            document = yaml.safe_load(text)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise _wrong(say("declaration_not_yaml", file=file, cause=error)) from error
        if not isinstance(document, dict) or "kind" not in document:
            if path.is_file():
                raise _wrong(say("declaration_no_kind", file=file))
            continue
        if document["kind"] not in _ORDER:
            kind, known = document["kind"], ", ".join(_ORDER)
            raise _wrong(say("declaration_kind", file=file, kind=kind, known=known))
        found.append(Declaration(document["kind"], str(document.get("name", "")), text, str(file)))
    if not found:
        raise _wrong(say("no_declarations", file=path))
    return sorted(found, key=lambda entry: (_ORDER.index(entry.kind), entry.name))


def _wrong(message: str) -> ApiError:
    return ApiError(code="INVALID_ARGUMENT", reason="DECLARATION_INVALID", message=message)


def apply_declarations(client: Client, declarations: list[Declaration]) -> list[dict[str, Any]]:
    """Applies declarations in a safe order, and says what each has become.

    Raises:
        ApiError: names the file that was refused; what came before it stays applied.
    """
    apply = {
        "Policy": client.catalog.apply_policy,
        "Dataset": client.catalog.apply_dataset,
        "GlossaryTerm": client.catalog.apply_glossary_term,
        "Source": client.sources.apply,
        "Pipeline": client.pipelines.apply,
    }
    applied = []
    for declaration in declarations:
        try:
            answer: Any = apply[declaration.kind](declaration.text)
        except ApiError as error:
            error.message = f"{declaration.file}: {error.message}"
            raise
        applied.append(
            {
                "kind": declaration.kind,
                "name": answer.name,
                "revision": getattr(answer, "revision", None),
                "file": declaration.file,
            }
        )
    return applied
