"""`check` on real servers: what `lumbung doctor` tells of databases and bucket."""

import json

import pytest

from platformsetup import DATABASES
from platformsetup.check import check_servers
from platformsetup.settings import CheckSettings

from support.installations import run_installation
from support.ports import free_port


@pytest.fixture(scope="module")
def installation():
    with run_installation() as running:
        running.set_up()
        yield running


def _found(installation, *, port=None, passwords=None, secret=None, bucket=None):
    s3 = installation.s3_settings
    settings = CheckSettings.model_validate(
        {
            "server": {"host": installation.postgres.host, "port": port or installation.postgres.port},
            "databases": {"passwords": {**installation.passwords, **(passwords or {})}},
            "lake": {
                "s3": {**s3, "secret_key": secret or s3["secret_key"], "bucket": bucket or s3["bucket"]}
            },
        }
    )
    return json.loads(check_servers(settings))


def test_databases_without_a_schema_and_then_with_one(installation):
    found = _found(installation)
    assert [entry["check"] for entry in found] == ["schema_not_migrated"] * len(DATABASES)
    for name in DATABASES:
        with installation.connection(name) as connection:
            table = "databasechangelog" if name == "keycloak" else "schema_migrations"
            connection.execute(f"CREATE TABLE {table} (name text)")
    assert _found(installation) == []


def test_a_refused_role_an_absent_server_and_a_refused_bucket(installation):
    (entry,) = _found(installation, passwords={"lumbung_ingest": "wrong"})
    assert entry["check"] == "database_refused"
    assert entry["place"].endswith("/lumbung_ingest")
    (entry,) = _found(installation, port=free_port())
    assert entry["check"] == "database_unreachable"
    (entry,) = _found(installation, secret="wrong")
    assert entry["check"] == "bucket_refused"
    assert all(entry["what"])
    assert all(entry["remedy"])


def test_a_bucket_that_is_not_there_is_told_and_not_made(installation):
    for _ in range(2):
        (entry,) = _found(installation, bucket="never-made")
        assert entry["check"] == "bucket_refused"
        assert "never-made" in entry["what"][0]
