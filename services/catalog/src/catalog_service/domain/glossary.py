"""A word of the house and what it means."""

from dataclasses import dataclass
from typing import Any

from catalog_service.domain.document import parse_document
from catalog_service.domain.fields import Fields
from catalog_service.domain.localized import Localized

__all__ = ["GlossaryTerm", "parse_glossary_term"]

KIND = "GlossaryTerm"


@dataclass(frozen=True, slots=True)
class GlossaryTerm:
    """A term; `synonyms` are other words for it, the abbreviation among them."""

    term: str
    display_name: Localized
    description: Localized
    synonyms: tuple[str, ...]


def parse_glossary_term(text: str) -> tuple[GlossaryTerm, dict[str, Any]]:
    """The term of a declaration, and the document that it was read from.

    Raises:
        DeclarationInvalidError: names the path that is wrong.
    """
    document = parse_document(text, KIND)
    head = Fields(document)
    head.only("kind", "name", "display_name", "description", "synonyms", "abbreviation", "related", "owner")
    # Known keys that nothing reads yet are still held against their type.
    head.text("owner", "-")
    head.texts("related")
    abbreviation = head.text("abbreviation", "-")
    synonyms = (*(() if abbreviation == "-" else (abbreviation,)), *head.texts("synonyms"))
    term = GlossaryTerm(
        term=head.text("name"),
        display_name=head.localized("display_name"),
        description=head.localized("description"),
        synonyms=tuple(dict.fromkeys(synonyms)),
    )
    return term, document
