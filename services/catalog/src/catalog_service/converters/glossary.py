"""Terms on the wire."""

from catalog_service.domain.names import term_name
from catalog_service.service.directory import KnownTerm
from lumbung.catalog.v1 import glossary_service_pb2 as pb

__all__ = ["term_to_proto"]


def term_to_proto(known: KnownTerm, language: str) -> pb.GlossaryTerm:
    """A term with its texts in `language`."""
    term = known.term
    return pb.GlossaryTerm(
        name=term_name(term.term),
        declaration=known.declaration.text,
        display_name=term.display_name.in_language(language),
        description=term.description.in_language(language),
        synonyms=term.synonyms,
    )
