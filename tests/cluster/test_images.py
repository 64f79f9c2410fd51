"""Every image in a namespace that enforces Pod Security `restricted`, with a read-only root and no shell in the command."""

import secrets

import pytest
import yaml

from platformimages.build import OUTPUT, known
from platformimages.recipes import IMAGES

from support.restricted import restricted_namespace

PYTHON = "/usr/bin/python3"
# A module of each image that imports what its program needs, and says who runs it and that nothing can be written.
PROBE = """
import importlib, os, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
assert (os.getuid(), os.getgid()) == (10001, 10001), (os.getuid(), os.getgid())
for folder in ("/", "/app", "/usr/local/lib/python3.11/dist-packages", "/etc/lumbung"):
    try:
        open(os.path.join(folder, "written"), "w")
    except OSError:
        continue
    sys.exit(f"{folder} can be written")
print("imported", *sys.argv[1:])
"""
MODULES = {
    "base": ("ssl", "sqlite3", "zoneinfo"),
    "ingest": ("ingest_service.app",),
    "catalog": ("catalog_service.app",),
    "compute": ("compute_service.app", "compute_service.dask_operator"),
    "inference": ("inference_service.app", "ray.serve", "onnxruntime"),
    "gateway": ("gateway_service.bootstrap",),
    "portal": ("portal_service.server",),
    "setup": (
        "platformsetup.cli",
        "platformsetup.settings",
        "treasury.main_job.forecasting",
        "lumbung.cli.main",
    ),
    "postgres": ("platformsetup.postgresserver",),
    "objectstore": ("ssl",),
    "minio": ("ssl",),
    "keycloak": ("ssl",),
    "collector": ("ssl",),
    "kafka": ("platformsetup.kafkaserver",),
}
PROGRAMS = {
    "compute": ["/usr/local/bin/dask", "--version"],
    "inference": ["/usr/local/bin/ray", "--version"],
    "gateway": ["/usr/local/bin/envoy", "--version"],
    "setup": ["/usr/local/bin/lumbung", "--help"],
    "objectstore": ["/usr/local/bin/weed", "version"],
    "minio": ["/usr/local/bin/minio", "--version"],
    "keycloak": ["/opt/java/bin/java", "@/opt/keycloak/java.args", "--version"],
    "collector": ["/usr/local/bin/collector", "--version"],
    "kafka": ["/opt/java/bin/java", "-cp", "/opt/kafka/*", "kafka.Kafka", "--version"],
}


@pytest.fixture(scope="module")
def space(cluster):
    cluster.run("load", str(OUTPUT / known()["base"].archive))
    with restricted_namespace(cluster, "lumbung-images") as namespace:
        yield namespace


@pytest.fixture(scope="module")
def images(cluster):
    """What was built and loaded, by name."""
    return known()


def test_every_image_is_tried(images):
    assert set(MODULES) == {image.name for image in IMAGES}
    assert {image.name for image in IMAGES if image.by_default} <= set(images)


def _built(images, name):
    if name not in images:
        pytest.skip(f"NOT BUILT: the image {name} is NOT tested here; `make images ARGS={name}` builds it")
    return images[name].reference


@pytest.mark.parametrize("name", MODULES)
def test_an_image_runs_as_nobody_on_a_read_only_root(space, images, name):
    space.pod(f"{name}-modules", _built(images, name), command=[PYTHON, "-c", PROBE, *MODULES[name]])
    assert space.finish(f"{name}-modules").startswith("imported")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_programs_of_an_image_start(space, images, name):
    folders = ("/opt/keycloak/data",) if name == "keycloak" else ()
    space.pod(f"{name}-program", _built(images, name), command=PROGRAMS[name], folders=folders)
    assert space.finish(f"{name}-program")


def test_an_image_is_found_by_its_digest(space, images):
    built = images["base"]
    pinned = f"{built.repository}@{built.digest}"
    space.pod("pinned", pinned, command=[PYTHON, "-c", "print('found')"])
    assert space.finish("pinned") == "found\n"


def test_the_servers_are_set_up_by_the_three_jobs(space, images):
    """PostgreSQL, the object store and Keycloak from their images, and what the jobs make in them, twice."""
    password, s3_secret, admin_secret = (secrets.token_hex(16) for _ in range(3))
    clients = {name: secrets.token_hex(16) for name in _clients()}
    databases = {name: secrets.token_hex(16) for name in ("keycloak", "lumbung_lake")}
    space.pod(
        "postgres",
        images["postgres"].reference,
        args=["-c", "max_connections=60"],
        env={"POSTGRES_PASSWORD": password},
        folders=("/var/lib/lumbung/postgres", "/dev/shm"),  # noqa: S108
        ports=(5432,),
    )
    space.pod(
        "objectstore",
        images["objectstore"].reference,
        env={"AWS_ACCESS_KEY_ID": "lumbung", "AWS_SECRET_ACCESS_KEY": s3_secret},
        folders=("/var/lib/lumbung/s3",),
        ports=(8333,),
    )

    servers = ["postgres", "objectstore"]

    def job(name, command, settings, environment):
        space.pod(
            name,
            images["setup"].reference,
            args=[command],
            env={"LUMBUNG_CONFIG": "/etc/lumbung/config.yaml", **environment},
            config=yaml.safe_dump(settings),
        )
        for server in servers:
            space.expect_running(server)
        return space.finish(name, seconds=400)

    for number in range(2):
        said = job(
            f"databases-{number}",
            "databases",
            {
                "postgres": {"host": "postgres", "database": "postgres", "user": "postgres"},
                "databases": {"names": list(databases)},
            },
            {"LUMBUNG_POSTGRES__PASSWORD": password}
            | {f"LUMBUNG_DATABASES__PASSWORDS__{name}": text for name, text in databases.items()},
        )
        assert "databases and roles keycloak, lumbung_lake" in said
        said = job(
            f"bucket-{number}",
            "bucket",
            {"lake": {"s3": {"endpoint": "objectstore:8333", "access_key": "lumbung"}}},
            {"LUMBUNG_LAKE__S3__SECRET_KEY": s3_secret},
        )
        assert "of racing conditional puts exactly one won" in said
    space.pod(
        "keycloak",
        images["keycloak"].reference,
        env={
            "KC_DB_URL": "jdbc:postgresql://postgres:5432/keycloak",
            "KC_DB_USERNAME": "keycloak",
            "KC_DB_PASSWORD": databases["keycloak"],
            "KC_CACHE": "local",
            "KC_HTTP_ENABLED": "true",
            "KC_HOSTNAME": "http://keycloak:8080",
            "KC_BOOTSTRAP_ADMIN_CLIENT_ID": "lumbung-setup",
            "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET": admin_secret,
        },
        folders=("/opt/keycloak/data",),
        ports=(8080,),
    )
    servers.append("keycloak")
    for number in range(2):
        said = job(
            f"realm-{number}",
            "realm",
            {"realm": {"url": "http://keycloak:8080", "public_url": "https://lumbung.example"}},
            {"LUMBUNG_REALM__ADMIN_SECRET": admin_secret}
            | {f"LUMBUNG_REALM__CLIENTS__{name}": text for name, text in clients.items()},
        )
        assert "no role accounts" in said


def _clients():
    from platformsetup.identity.realm import confidential_clients

    return confidential_clients()
