"""Texts in both languages of the house."""

from dataclasses import dataclass

__all__ = ["Localized"]


@dataclass(frozen=True, slots=True)
class Localized:
    """One text in Indonesian and English; an empty one gives way to the other."""

    id: str = ""
    en: str = ""

    def in_language(self, language: str) -> str:
        """The text in `language` ("id" or "en")."""
        first, second = (self.id, self.en) if language == "id" else (self.en, self.id)
        return first or second
