"""What is in each image, by the lock: nobody carries Ray or Dask who does not need it."""

import pytest

from platformimages.commands import ROOT
from platformimages.dockerfile import read_dockerfile
from platformimages.recipes import IMAGES, find_image
from platformimages.requirements import contents

NAMES = [image.name for image in IMAGES]


def packages(name):
    lines = [line for content in contents(find_image(name)) for line in content.requirements]
    return [line.split("==")[0].split("[")[0] for line in lines]


def own(name):
    return {path.name for content in contents(find_image(name)) for path in content.packages}


@pytest.mark.parametrize("name", NAMES)
def test_ray_is_in_inference_alone(name):
    assert ("ray" in packages(name)) == (name == "inference")


@pytest.mark.parametrize("name", NAMES)
def test_dask_is_in_compute_alone(name):
    assert bool({"dask", "distributed", "dask-kubernetes"} & set(packages(name))) == (name == "compute")


@pytest.mark.parametrize("name", ["catalog", "gateway", "portal"])
def test_who_reads_no_tables_carries_no_table_libraries(name):
    assert not {"pyarrow", "polars", "pyiceberg", "duckdb", "pandas"} & set(packages(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_build_tools_and_the_tests_stay_outside(name):
    unwanted = {"pytest", "ruff", "mypy", "grpcio-tools", "buf-bin", "hypothesis", "cyclonedx-python-lib"}
    assert not unwanted & set(packages(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_package_is_in_one_layer(name):
    found = packages(name)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", NAMES)
def test_every_package_is_pinned_by_hash(name):
    for content in contents(find_image(name)):
        assert all("--hash=sha256:" in line for line in content.requirements)


def test_a_service_has_its_own_code_and_what_it_needs():
    assert own("ingest") == {"ingest", "sdk", "servicekit", "lake", "catalogclient"}
    assert own("catalog") == {"catalog", "sdk", "servicekit"}
    assert own("postgres") == {"setup"}
    assert own("keycloak") == set()


@pytest.mark.parametrize(
    ("index", "names"),
    [
        (0, ("catalog", "compute", "portal", "gateway", "setup")),
        (1, ("compute", "inference", "setup")),
    ],
)
def test_services_share_their_lower_layers(index, names):
    layer = contents(find_image("ingest"))[index]
    assert all(contents(find_image(name))[index] == layer for name in names)


@pytest.mark.parametrize("name", NAMES)
def test_the_dockerfile_takes_the_layers_of_the_recipe(name):
    image = find_image(name)
    runtime = read_dockerfile(ROOT / image.dockerfile)
    assert runtime.layers == [layer.name for layer in image.layers]
    assert runtime.user == "10001:10001"
    assert runtime.base == (name != "base")
    start = runtime.entrypoint or runtime.command
    assert start[0].startswith("/"), "started by its path, without a shell"


def test_every_service_has_a_dockerfile():
    services = {path.parent.name for path in ROOT.glob("services/*/pyproject.toml")}
    assert services == {path.parent.name for path in ROOT.glob("services/*/Dockerfile")}
    assert services <= set(NAMES)
