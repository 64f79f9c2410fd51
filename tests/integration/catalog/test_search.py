"""Search over the wire: words in any form, only what the caller may know."""

import asyncio

import pytest
import pytest_asyncio

from lumbung.catalog.v1 import search_service_pb2 as pb


async def _search(catalog, account, query, language="en", **more):
    return await catalog.search.SearchAssets(
        pb.SearchAssetsRequest(query=query, **more), metadata=catalog.by(account, language)
    )


async def _names(catalog, account, query):
    return [hit.name for hit in (await _search(catalog, account, query, page_size=100)).hits]


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def fed(shared_catalog):
    await asyncio.sleep(1.0)
    return shared_catalog


async def test_inflected_words_find_the_panel(fed):
    for query in (
        "anggaran",
        "menganggarkan",
        "pembelanjaan",
        "pendapatan daerah",
        "regional budgets",
        "APBD",
    ):
        assert "datasets/apbd_panel" in await _names(fed, "steward-pusat", query), query


async def test_a_word_that_is_nowhere_finds_nothing(fed):
    answer = await _search(fed, "steward-pusat", "zzyzx")
    assert (list(answer.hits), answer.total) == ([], 0)


async def test_beginnings_and_typing_errors_are_forgiven(fed):
    assert "datasets/province" in await _names(fed, "steward-pusat", "provi")
    assert "datasets/apbd_panel" in await _names(fed, "steward-pusat", "anggarna")


async def test_hidden_datasets_are_neither_found_nor_counted(fed):
    seen = await _search(fed, "steward-pusat", "anggaran realisasi provinsi", page_size=100)
    hidden = await _search(fed, "viewer-without-office", "anggaran realisasi provinsi", page_size=100)
    gone = {hit.name for hit in seen.hits} - {hit.name for hit in hidden.hits}
    assert gone == {
        "datasets/apbd_panel",
        "datasets/apbd_by_province",
        "datasets/apbd_workbook",
        "datasets/village_fund",
    }
    assert (seen.total, hidden.total) == (len(seen.hits), len(hidden.hits))


async def test_terms_are_assets(fed):
    answer = await _search(fed, "engineer-in-province", "dana alokasi khusus", language="id")
    assert answer.hits[0].name == "glossaryTerms/dak"
    assert "Transfer" in answer.hits[0].snippet


async def test_pages_do_not_overlap(fed):
    first = await _search(fed, "steward-pusat", "daerah", page_size=3)
    second = await _search(fed, "steward-pusat", "daerah", page_size=3, page_token=first.next_page_token)
    assert not {hit.name for hit in first.hits} & {hit.name for hit in second.hits}
    assert first.hits[-1].score >= second.hits[0].score


async def test_a_new_dataset_is_found_within_a_second(fed):
    await fed.apply_dataset(
        "{kind: Dataset, name: spbu, display_name: {id: Harga bahan bakar, en: Fuel prices}, "
        "description: {id: d, en: d}, owner: o, tags: [national], "
        "contract: {version: 1, columns: [{name: a, type: text}]}}"
    )
    await asyncio.sleep(1.0)
    assert await _names(fed, "viewer-without-office", "harga") == ["datasets/spbu"]
