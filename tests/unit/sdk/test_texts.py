import string
from pathlib import Path

import pytest

from lumbung import texts


def _fields(sentence):
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("key", texts._TEXTS)
def test_both_languages_fill_in_the_same(key):
    english, indonesian = texts._TEXTS[key]
    assert english != indonesian
    assert _fields(english) == _fields(indonesian)


def test_the_language_holds_for_a_while_only():
    with texts.in_language("id"):
        assert texts.say("no_rows") == "tidak ada baris"
    assert texts.say("no_rows") == "no rows"


@pytest.mark.parametrize("key", texts._TEXTS)
def test_every_sentence_is_said_somewhere(key):
    sources = [file for file in Path(texts.__file__).parent.rglob("*.py") if file.name != "texts.py"]
    quoted = (f'"{key}"', f"'{key}'")
    assert any(word in file.read_text(encoding="utf-8") for file in sources for word in quoted)
