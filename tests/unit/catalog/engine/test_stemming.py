"""Words in any form."""

import pytest

from catalog_service.engine.stemming import meaningful, stem_text, stems, words


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("anggaran", "menganggarkan"),
        ("anggaran", "dianggarkan"),
        ("anggaran", "penganggaran"),
        ("belanja", "pembelanjaan"),
        ("belanja", "membelanjakan"),
        ("pendapatan", "pendapatannya"),
        ("budget", "budgets"),
        ("realisasi", "merealisasikan"),
    ],
)
def test_forms_of_a_word_share_a_stem(first, second):
    assert set(stems(first)) & set(stems(second))


def test_different_words_do_not():
    assert not set(stems("anggaran")) & set(stems("belanja"))


def test_words_come_apart():
    assert words("apbd_panel: Anggaran-Belanja (2017), Ünïcode") == [
        "apbd",
        "panel",
        "anggaran",
        "belanja",
        "2017",
        "unicode",
    ]
    assert meaningful(words("anggaran dan belanja di daerah")) == ["anggaran", "belanja", "daerah"]
    assert stem_text("Penganggaran dan pembelanjaan") == "anggar belanja"
    assert words("日本") == []
