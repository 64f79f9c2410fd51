import string

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
