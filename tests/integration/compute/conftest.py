"""A compute service in a small world of budgets."""

import pytest

from support.budgets import TREASURY, fill
from support.compute_world import compute_world
from support.signin import run_signin
from support.smallcatalog import run_catalog


@pytest.fixture(scope="module")
def signin():
    with run_signin("svc-compute") as server:
        yield server


@pytest.fixture(scope="module")
def catalog():
    with run_catalog() as server:
        yield server


@pytest.fixture(scope="module")
def query_world(tmp_path_factory, postgres_server, s3_server, catalog, signin):
    """The service alone, for SQL."""
    folder = tmp_path_factory.mktemp("compute")
    with compute_world(folder, postgres_server, s3_server, catalog, signin, parts=("service",)) as world:
        fill(world, files=4)
        yield world


@pytest.fixture(scope="module")
def pipeline_world(tmp_path_factory, postgres_server, s3_server, catalog, signin):
    """The service with a scheduler and two workers; every data file is a task of its own."""
    folder = tmp_path_factory.mktemp("compute")
    changes = {"pipelines": {"rows_per_partition": 1, "streamed_rows_per_partition": 1}, "query": {"warm": 0}}
    with compute_world(folder, postgres_server, s3_server, catalog, signin, **changes) as world:
        fill(world)
        world.apply((TREASURY / "pipelines" / "apbd_by_province.yaml").read_text())
        yield world
