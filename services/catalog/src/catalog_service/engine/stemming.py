"""Words in any form: Indonesian and English stems of a text."""

import re
import unicodedata
from collections.abc import Iterable

import Stemmer

__all__ = ["meaningful", "stem_text", "stems", "words"]

_WORD = re.compile(r"[a-z0-9]+")
_STOP = frozenset(
    [
        "dan",
        "atau",
        "di",
        "ke",
        "dari",
        "yang",
        "untuk",
        "menurut",
        "per",
        "pada",
        "dengan",
        "oleh",
        "dalam",
        "tidak",
        "ini",
        "itu",
        "adalah",
        "sebagai",
        "serta",
        "the",
        "a",
        "an",
        "and",
        "or",
        "of",
        "to",
        "in",
        "on",
        "by",
        "for",
        "with",
        "from",
        "as",
        "is",
        "are",
        "at",
        "that",
        "which",
    ]
)
_MAX_WORD = 64


def words(text: str) -> list[str]:
    """The words of a text, in small letters without accents; names in snake case come apart."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return [word[:_MAX_WORD] for word in _WORD.findall(plain)]


def meaningful(found: Iterable[str]) -> list[str]:
    """The words that carry meaning."""
    return [word for word in found if word not in _STOP]


def stems(word: str) -> list[str]:
    """The stems of a word, Indonesian first, without repetition."""
    return list(dict.fromkeys((_INDONESIAN.stemWord(word), _ENGLISH.stemWord(word))))


def stem_text(text: str) -> str:
    """The Indonesian stems of a text, with spaces between."""
    return " ".join(_INDONESIAN.stemWord(word) for word in meaningful(words(text)))


_INDONESIAN = Stemmer.Stemmer("indonesian")
_ENGLISH = Stemmer.Stemmer("english")
