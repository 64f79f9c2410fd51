"""The index in Tantivy, in memory."""

import math
from collections.abc import Sequence

from tantivy import Document, Index, Occur, Query, SchemaBuilder

from catalog_service.engine.ports import SearchDocument, SearchEngine
from catalog_service.engine.stemming import meaningful, stem_text, stems, words

__all__ = ["TantivyIndex"]

HEAP_BYTES = 20_000_000
MAX_WORDS = 16
MIN_PREFIX = 3
MIN_FUZZY = 5
# What a word weighs by where it stands.
_WEIGHTS = {"title": 3.0, "keywords": 3.0, "related": 1.5, "body": 1.0}
_PLAIN = "plain"
_PHRASE = "phrase"
_PHRASE_WEIGHT = 4.0


class TantivyIndex(SearchEngine):
    """Stems are made here and not in Tantivy, which has no Indonesian stemmer."""

    def __init__(self) -> None:
        builder = SchemaBuilder()
        builder.add_text_field("name", tokenizer_name="raw")
        builder.add_unsigned_field("key", fast=True)
        for field in (*_WEIGHTS, _PLAIN, _PHRASE):
            builder.add_text_field(field, tokenizer_name="whitespace")
        self._schema = builder.build()
        self._index = Index(self._schema)
        self._writer = self._index.writer(HEAP_BYTES, num_threads=1)
        self._names: list[str] = []
        self._keys: dict[str, int] = {}

    def put(self, documents: Sequence[SearchDocument]) -> None:
        """See the port."""
        for document in documents:
            key = self._keys.setdefault(document.name, len(self._names))
            if key == len(self._names):
                self._names.append(document.name)
            self._writer.delete_documents_by_term("name", document.name)
            self._writer.add_document(self._document(document, key))
        self._writer.commit()
        self._index.reload()

    def _document(self, document: SearchDocument, key: int) -> Document:
        made = Document()
        made.add_text("name", document.name)
        made.add_unsigned("key", key)
        plain: dict[str, None] = {}
        for field in _WEIGHTS:
            found = words(getattr(document, field))
            made.add_text(field, " ".join(stem for word in found for stem in stems(word)))
            plain |= dict.fromkeys(found)
        made.add_text(_PLAIN, " ".join(plain))
        made.add_text(_PHRASE, stem_text(f"{document.title} {document.keywords}"))
        return made

    def search_assets(self, query: str, *, tolerant: bool) -> list[tuple[str, float]]:
        """See the port."""
        found = list(dict.fromkeys(words(query)))
        found = (meaningful(found) or found)[:MAX_WORDS]
        if not found:
            return []
        ask = self._near if tolerant else self._exact
        wanted = Query.boolean_query(
            [(Occur.Should, ask(word)) for word in found],
            minimum_number_should_match=math.ceil(len(found) / 2),
        )
        if len(found) > 1:
            phrase = Query.phrase_query(self._schema, _PHRASE, [stems(word)[0] for word in found])
            together = Query.boost_query(phrase, _PHRASE_WEIGHT)
            wanted = Query.boolean_query([(Occur.Must, wanted), (Occur.Should, together)])
        searcher = self._index.searcher()
        hits = searcher.search(wanted, limit=max(searcher.num_docs, 1), count=False).hits
        if not hits:
            return []
        keys = searcher.fast_field_values("key", [address for _score, address in hits])
        named = [
            (self._names[int(key or 0)], score) for key, (score, _address) in zip(keys, hits, strict=True)
        ]
        return sorted(named, key=lambda hit: (-hit[1], hit[0]))

    def stem(self, text: str) -> str:
        """See the port."""
        return stem_text(text)

    def _exact(self, word: str) -> Query:
        return Query.disjunction_max_query(
            [
                Query.boost_query(Query.term_query(self._schema, field, stem), weight)
                for field, weight in _WEIGHTS.items()
                for stem in stems(word)
            ],
            0.1,
        )

    def _near(self, word: str) -> Query:
        """Beginnings of words, and words with one letter wrong, missing, too many or swapped."""
        near = [self._exact(word)]
        if len(word) >= MIN_PREFIX:
            near.append(Query.fuzzy_term_query(self._schema, _PLAIN, word, distance=0, prefix=True))
        if len(word) >= MIN_FUZZY:
            near.append(Query.fuzzy_term_query(self._schema, _PLAIN, word, distance=1))
            near += [Query.fuzzy_term_query(self._schema, "title", stem, distance=1) for stem in stems(word)]
        return Query.disjunction_max_query(near, 0.1)
