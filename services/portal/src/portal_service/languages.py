"""Indonesian and English: the catalogs, and which one a browser gets."""

from importlib.resources import files
from io import BytesIO
from typing import Final

from babel.core import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from starlette.requests import Request

__all__ = ["LANGUAGES", "LANGUAGE_COOKIE", "choose_language", "load_translations"]

LANGUAGES: Final = ("id", "en")
LANGUAGE_COOKIE: Final = "lumbung_lang"
_MOST_WISHES = 20


def load_translations(language: str) -> NullTranslations:
    """The catalog of a language, compiled from its .po file. English is what the templates say."""
    path = files("portal_service") / "locale" / language / "LC_MESSAGES" / "portal.po"
    if not path.is_file():
        return NullTranslations()
    with path.open("rb") as file:
        catalog = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Translations(compiled, domain="portal")


def choose_language(request: Request) -> str:
    """`?lang=`, else what was chosen before, else what the browser asks for, else English."""
    for wish in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wish in LANGUAGES:
            return wish
    return negotiate_locale(_wishes(request.headers.get("accept-language", "")), LANGUAGES, sep="-") or "en"


def _wishes(header: str) -> list[str]:
    """Language tags, best first (RFC 9110, section 12.5.4)."""
    weighted: list[tuple[float, str]] = []
    for item in header.split(",")[:_MOST_WISHES]:
        tag, _, parameter = item.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if tag and weight > 0:
            weighted.append((weight, tag))
    return [tag for _weight, tag in sorted(weighted, key=lambda each: -each[0])]
