"""Terms over the wire: kept by stewards, read by everybody."""

import grpc
import pytest

from lumbung.catalog.v1 import glossary_service_pb2 as pb

from support.catalog_server import TREASURY

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = [f"glossaryTerms/{path.stem}" for path in sorted((TREASURY / "glossary").glob("*.yaml"))]


async def _list(catalog, language="en", **page):
    return await catalog.glossary.ListGlossaryTerms(
        pb.ListGlossaryTermsRequest(**page), metadata=catalog.by("viewer-without-office", language)
    )


async def test_all_terms_are_listed_once_by_name_page_by_page(shared_catalog):
    found, token = [], ""
    while True:
        page = await _list(shared_catalog, page_size=7, page_token=token)
        assert len(page.glossary_terms) <= 7
        found += [term.name for term in page.glossary_terms]
        if not (token := page.next_page_token):
            break
    assert found == NAMES


async def test_a_term_is_told_in_the_callers_language(shared_catalog):
    for language, label in (("id", "Dana alokasi khusus (DAK)"), ("en", "Special allocation fund (DAK)")):
        terms = {term.name: term for term in (await _list(shared_catalog, language)).glossary_terms}
        term = terms["glossaryTerms/dak"]
        assert (term.display_name, list(term.synonyms)) == (label, ["DAK", "DAK fisik", "DAK nonfisik"])
        assert term.declaration == (TREASURY / "glossary" / "dak.yaml").read_text()


@pytest.mark.asyncio(loop_scope="function")
async def test_a_term_that_is_applied_anew_is_listed_as_it_became(catalog):
    text = (TREASURY / "glossary" / "dak.yaml").read_text()
    changed = text.replace('"Special allocation fund (DAK)"', '"Special fund"')
    assert (await catalog.apply_term(changed)).display_name == "Special fund"
    terms = (await _list(catalog)).glossary_terms
    assert [term.name for term in terms] == NAMES
    assert next(term for term in terms if term.name == "glossaryTerms/dak").declaration == changed


async def test_a_token_of_nobody_is_refused(shared_catalog):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _list(shared_catalog, page_token="!")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
