from importlib.resources import files
from io import BytesIO

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from starlette.requests import Request

from portal_service.languages import LANGUAGES, choose_language, load_translations


def _request(header="", query="", cookie=""):
    headers = [(b"accept-language", header.encode()), (b"cookie", cookie.encode())]
    return Request(
        {"type": "http", "headers": headers, "query_string": query.encode(), "method": "GET", "path": "/"}
    )


@pytest.mark.parametrize(
    ("header", "query", "cookie", "language"),
    [
        ("", "", "", "en"),
        ("id-ID,id;q=0.9", "", "", "id"),
        ("en;q=0.3, id;q=0.8", "", "", "id"),
        ("fr, de;q=0.5", "", "", "en"),
        ("id;q=0, en", "", "", "en"),
        ("id;q=many", "", "", "en"),
        ("id", "lang=en", "", "en"),
        ("id", "lang=xx", "", "id"),
        ("id", "", "lumbung_lang=en", "en"),
        ("en", "lang=id", "lumbung_lang=en", "id"),
    ],
)
def test_the_nearest_wish_holds(header, query, cookie, language):
    assert choose_language(_request(header, query, cookie)) == language


def _messages():
    found = set()
    for template in (files("portal_service") / "templates").iterdir():
        for _line, message, _comments, _context in extract(
            "jinja2.ext:babel_extract", BytesIO(template.read_bytes())
        ):
            found.add(message[0] if isinstance(message, tuple) else message)
    return found


def test_every_text_of_the_pages_is_translated_and_no_translation_is_left_over():
    with (files("portal_service") / "locale" / "id" / "LC_MESSAGES" / "portal.po").open("rb") as file:
        catalog = read_po(file, locale="id")
    translated = {}
    for message in catalog:
        if message.id:
            translated[message.id[0] if isinstance(message.id, tuple) else message.id] = message.string
    assert _messages() == set(translated)
    assert all(text if isinstance(text, str) else all(text) for text in translated.values())


def test_catalogs_compile():
    assert LANGUAGES == ("id", "en")
    assert load_translations("id").ugettext("Sign in") == "Masuk"
    assert load_translations("en").ugettext("Sign in") == "Sign in"
