"""Pages."""

import pytest

from catalog_service.errors import PageInvalidError
from catalog_service.service.paging import decode_number, decode_token, encode_token, page_size


def test_sizes():
    assert (page_size(0), page_size(7), page_size(5000)) == (50, 7, 1000)
    with pytest.raises(PageInvalidError):
        page_size(-1)


@pytest.mark.parametrize("key", ["a", "apbd_panel", "ü", "1" * 18])
def test_a_token_gives_its_key_back(key):
    assert decode_token(encode_token(key)) == key


def test_numbers():
    assert decode_number("") is None
    assert decode_number(encode_token("17")) == 17


@pytest.mark.parametrize(
    "token",
    ["?", "a", "____", encode_token("x"), encode_token("-1"), encode_token("1" * 19), encode_token("²")],
)
def test_what_is_no_token_of_a_number(token):
    with pytest.raises(PageInvalidError):
        decode_number(token)
