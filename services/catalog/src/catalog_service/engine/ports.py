"""What search needs of an engine."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["SearchDocument", "SearchEngine"]


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """The texts of an asset, unstemmed. `related` are words of the glossary terms that it is about."""

    name: str
    title: str
    keywords: str
    body: str
    related: str = ""


class SearchEngine(ABC):
    """An index of this replica."""

    @abstractmethod
    def put(self, documents: Sequence[SearchDocument]) -> None:
        """Adds documents, or replaces those of the same name; they are found when this returns."""

    @abstractmethod
    def search_assets(self, query: str, *, tolerant: bool) -> list[tuple[str, float]]:
        """Names and scores of all that fits, best first.

        `tolerant` takes beginnings of words and words with one wrong letter instead of stems.
        """

    @abstractmethod
    def stem(self, text: str) -> str:
        """The stems of a text with spaces between, for telling whether it holds a phrase in any form."""
