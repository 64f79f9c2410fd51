"""A catalog with the treasury's own declarations."""

import pytest

from support.catalog_server import Issuer, run_catalog


@pytest.fixture(scope="session")
def issuer():
    return Issuer()


@pytest.fixture
def database(postgres_server):
    made = postgres_server.create_database("catalog")
    yield made
    postgres_server.drop_database(made)


@pytest.fixture
async def empty_catalog(database, issuer):
    async with run_catalog(database, issuer) as running:
        yield running


@pytest.fixture
async def catalog(empty_catalog):
    await empty_catalog.apply_treasury()
    return empty_catalog
