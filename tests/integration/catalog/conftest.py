"""A catalog with the treasury's own declarations."""

import pytest
import pytest_asyncio

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


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared_catalog(postgres_server, issuer):
    """One for all tests of a module, which leave each other's data alone."""
    made = postgres_server.create_database("catalog")
    async with run_catalog(made, issuer) as running:
        await running.apply_treasury()
        yield running
    postgres_server.drop_database(made)
