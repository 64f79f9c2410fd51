"""Finds assets by what they are about."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from catalog_service.domain.dataset import Dataset
from catalog_service.domain.glossary import GlossaryTerm
from catalog_service.domain.localized import Localized
from catalog_service.engine.ports import SearchDocument, SearchEngine
from catalog_service.errors import ResourceNameInvalidError
from catalog_service.service.directory import Directory
from catalog_service.service.paging import decode_number, encode_token, page_size
from catalog_service.service.requester import requester_of
from servicekit.auth import Principal
from servicekit.telemetry import get_logger

__all__ = ["Hit", "SearchService"]

_log = get_logger(__name__)

FEED_SECONDS = 0.3
MAX_QUERY = 500
DATASETS = "datasets/"


@dataclass(frozen=True, slots=True)
class Hit:
    """A found asset; only the order of `score` means something."""

    name: str
    display_name: Localized
    description: Localized
    score: float


class SearchService:
    """Feeds the index of this replica from the directory, and asks it."""

    def __init__(self, engine: SearchEngine, directory: Directory) -> None:
        self._engine = engine
        self._directory = directory
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Indexes what is there, then what changes."""
        await self.feed()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends the feeding."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def feed(self) -> None:
        """Indexes what changed; a changed term changes what datasets are found by."""
        changed = self._directory.take_changed()
        if not changed:
            return
        terms = {name: known.term for name, known in self._directory.terms.items()}
        names = {name for name in changed if name.startswith(DATASETS)}
        documents = [_term_document(terms[name.partition("/")[2]]) for name in changed - names]
        if documents:
            names |= {f"{DATASETS}{name}" for name in self._directory.datasets}
        phrases = [(self._phrases(term), _words(term)) for term in terms.values()]
        for name in names:
            known = self._directory.datasets[name.removeprefix(DATASETS)]
            documents.append(self._dataset_document(known.dataset, phrases))
        await asyncio.to_thread(self._engine.put, documents)

    async def search_assets(
        self, principal: Principal, query: str, *, size: int, token: str
    ) -> tuple[list[Hit], str, int]:
        """A page of hits, the token of the next page, and how many there are that the caller may know about.

        Words are taken in any form; where nothing fits, beginnings of words and one wrong letter are tried.

        Raises:
            ResourceNameInvalidError: the query is too long.
        """
        if len(query) > MAX_QUERY:
            raise ResourceNameInvalidError("query", query, f"at most {MAX_QUERY} characters")
        start, limit = decode_number(token) or 0, page_size(size, 20, 100)
        audience = self._directory.audience(requester_of(principal))
        found: list[tuple[str, float]] = []
        for tolerant in (False, True):
            found = [
                hit
                for hit in self._engine.search_assets(query, tolerant=tolerant)
                if not hit[0].startswith(DATASETS) or hit[0].removeprefix(DATASETS) in audience
            ]
            if found:
                break
        page = found[start : start + limit]
        more = start + limit < len(found)
        hits = [self._hit(name, score) for name, score in page]
        return hits, encode_token(str(start + limit)) if more else "", len(found)

    def _hit(self, name: str, score: float) -> Hit:
        identifier = name.partition("/")[2]
        about: Dataset | GlossaryTerm = (
            self._directory.datasets[identifier].dataset
            if name.startswith(DATASETS)
            else self._directory.terms[identifier].term
        )
        return Hit(name, about.display_name, about.description, score)

    def _phrases(self, term: GlossaryTerm) -> list[str]:
        """The stemmed ways to write a term, each between spaces."""
        names = (term.term.replace("_", " "), term.display_name.id, term.display_name.en, *term.synonyms)
        return [f" {stemmed} " for name in names if (stemmed := self._engine.stem(name))]

    def _dataset_document(self, dataset: Dataset, terms: list[tuple[list[str], str]]) -> SearchDocument:
        title = f"{dataset.display_name.id} {dataset.display_name.en}"
        keywords = " ".join((dataset.dataset, *dataset.tags))
        body = f"{dataset.description.id} {dataset.description.en}"
        text = f" {self._engine.stem(f'{title} {keywords} {body}')} "
        columns = " ".join(
            f"{column.name} {column.description.id} {column.description.en}" for column in dataset.columns
        )
        return SearchDocument(
            name=f"{DATASETS}{dataset.dataset}",
            title=title,
            keywords=keywords,
            body=f"{body} {columns}",
            related=" ".join(words for phrases, words in terms if any(phrase in text for phrase in phrases)),
        )

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FEED_SECONDS)
            try:
                await self.feed()
            except Exception as error:  # noqa: BLE001 (search stays behind, the service goes on)
                _log.error("the search index cannot be fed", exc_info=error)


def _words(term: GlossaryTerm) -> str:
    return " ".join((term.display_name.id, term.display_name.en, *term.synonyms))


def _term_document(term: GlossaryTerm) -> SearchDocument:
    return SearchDocument(
        name=f"glossaryTerms/{term.term}",
        title=f"{term.display_name.id} {term.display_name.en}",
        keywords=" ".join((term.term, *term.synonyms)),
        body=f"{term.description.id} {term.description.en}",
    )
