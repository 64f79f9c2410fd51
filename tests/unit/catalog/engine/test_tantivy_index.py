"""The index."""

import pytest

from catalog_service.engine.ports import SearchDocument
from catalog_service.engine.tantivy_index import TantivyIndex

PANEL = SearchDocument(
    "datasets/panel",
    "Anggaran daerah",
    "panel regional",
    "Belanja pegawai setiap provinsi",
    "pendapatan asli",
)
PROVINCE = SearchDocument("datasets/province", "Provinsi", "province reference", "Kode dan nama")


@pytest.fixture
def index():
    made = TantivyIndex()
    made.put([PANEL, PROVINCE])
    return made


def names(index, query, *, tolerant=False):
    return [name for name, _score in index.search_assets(query, tolerant=tolerant)]


@pytest.mark.parametrize("query", ["menganggarkan", "pembelanjaan", "PENDAPATAN", "regional", "panel"])
def test_any_form_in_any_field(index, query):
    assert names(index, query) == ["datasets/panel"]


def test_the_title_weighs_more(index):
    assert names(index, "provinsi") == ["datasets/province", "datasets/panel"]


def test_half_of_the_words_have_to_fit(index):
    assert names(index, "anggaran zzz") == ["datasets/panel"]
    assert names(index, "anggaran zzz yyy") == []


@pytest.mark.parametrize("query", ["prov", "provimsi", "provinis", "provins"])
def test_tolerance(index, query):
    assert "datasets/province" in names(index, query, tolerant=True)


@pytest.mark.parametrize("query", ["", "   ", "()", 'a" OR *', "name:x", "日本", "dan"])
def test_no_query_is_a_syntax_error(index, query):
    for tolerant in (False, True):
        assert isinstance(names(index, query, tolerant=tolerant), list)


def test_a_document_is_replaced(index):
    index.put([SearchDocument("datasets/panel", "Harga beras", "", "")])
    assert names(index, "anggaran") == []
    assert names(index, "beras") == ["datasets/panel"]


def test_an_empty_index_finds_nothing():
    assert names(TantivyIndex(), "anggaran") == []
