"""The words of the house."""

from bisect import bisect_right

from catalog_service.domain.document import digest
from catalog_service.domain.glossary import parse_glossary_term
from catalog_service.service.directory import Directory, KnownTerm
from catalog_service.service.paging import decode_token, encode_token, page_size
from catalog_service.storage.ports import DeclarationStore, Kind
from servicekit.auth import Principal

__all__ = ["GlossaryService"]


class GlossaryService:
    """Keeps terms; everybody may read them."""

    def __init__(self, store: DeclarationStore, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    async def apply_glossary_term(self, principal: Principal, declaration: str) -> KnownTerm:
        """Creates or replaces a term; an equal declaration changes nothing.

        Raises:
            DeclarationInvalidError: it does not follow the language.
        """
        term, document = parse_glossary_term(declaration)
        kept = await self._store.apply_declaration(
            Kind.TERM, term.term, declaration, digest(document), principal.username
        )
        await self._directory.refresh()
        return KnownTerm(kept, parse_glossary_term(kept.text)[0])

    async def list_glossary_terms(self, *, size: int, token: str) -> tuple[list[KnownTerm], str]:
        """A page of terms by name, and the token of the next page."""
        names = sorted(self._directory.terms)
        start = bisect_right(names, decode_token(token))
        page = names[start : start + page_size(size)]
        more = start + len(page) < len(names)
        return [self._directory.terms[name] for name in page], encode_token(page[-1]) if more else ""
