"""Migrations as a step of their own: twice, by several at once, and under the version before."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import psycopg
import pytest
import yaml

from servicekit.postgres import migrate
from servicekit.settings import PostgresSettings

STEPS = {
    "catalog": ("catalog_service.storage",),
    "ingest": ("ingest_service.storage", "lake=lake.postgres"),
    "compute": ("compute_service.storage", "lake=lake.postgres"),
    "inference": ("inference_service.storage",),
}
PACKAGES = sorted({step.partition("=")[0] for steps in STEPS.values() for step in steps})
# What takes something away from the version before. A file that does so says since when nobody uses it.
CONTRACTS = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN|VIEW|FUNCTION|TYPE)|RENAME\s+(TO|COLUMN)|ALTER\s+COLUMN\s+\w+\s+(TYPE|SET\s+NOT\s+NULL))",
    re.IGNORECASE,
)
SINCE = re.compile(r"^-- contract: unused since \d+\.\d+", re.MULTILINE)


@pytest.fixture
def databases(postgres_server):
    """Settings of a service: its own database and the lake's."""
    made = {
        "own": postgres_server.create_database("service"),
        "lake": postgres_server.create_database("lake"),
    }
    yield made
    for database in made.values():
        postgres_server.drop_database(database)


def _settings(database):
    return {
        "host": database.host,
        "port": database.port,
        "database": database.database,
        "user": database.user,
    }


def _step(databases, steps, folder, **more):
    path = folder / "config.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "listen": {"port": 1, "metrics_port": 2},
                "postgres": _settings(databases["own"]),
                "lake": {"postgres": _settings(databases["lake"]), "s3": {"endpoint": "s3:1"}},
            }
        )
    )
    return subprocess.run(
        [sys.executable, "-m", "servicekit.postgres", *steps],
        env={
            "PATH": os.environ["PATH"],
            "LUMBUNG_CONFIG": str(path),
            "LUMBUNG_POSTGRES__PASSWORD": databases["own"].password,
            "LUMBUNG_LAKE__POSTGRES__PASSWORD": databases["lake"].password,
            **more,
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("service", STEPS)
def test_the_step_of_a_service_runs_at_once_and_again(databases, service, tmp_path):
    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(lambda _: _step(databases, STEPS[service], tmp_path), range(3)))
    assert [(entry.returncode, entry.stderr) for entry in done] == [(0, "")] * 3
    names = [
        entry.name
        for step in STEPS[service]
        for entry in (files(step.partition("=")[0]) / "migrations").iterdir()
        if entry.name.endswith(".sql")
    ]
    said = "".join(entry.stdout for entry in done)
    assert sorted(re.findall(r"\d{4}_\w+\.sql", said)) == sorted(names)
    again = _step(databases, STEPS[service], tmp_path)
    assert again.stdout.count("nothing to apply") == len(STEPS[service])


def test_a_step_says_what_is_wrong(databases, tmp_path):
    refused = _step(databases, STEPS["catalog"], tmp_path, LUMBUNG_POSTGRES__PASSWORD="wrong")
    assert refused.returncode == 1
    assert "password authentication failed" in refused.stderr
    unknown = _step(databases, ["lake=elsewhere"], tmp_path)
    assert (unknown.returncode, unknown.stderr) == (2, "the settings have no database at elsewhere\n")


def test_the_version_before_starts_on_a_newer_schema(databases, tmp_path):
    """After a rollback an older service meets migrations that it does not know."""
    settings = PostgresSettings.model_validate(
        {**_settings(databases["own"]), "password": databases["own"].password}
    )
    older, newer = tmp_path / "older", tmp_path / "newer"
    for folder in (older, newer):
        folder.mkdir()
        (folder / "0001_first.sql").write_text("CREATE TABLE a (x int)")
    (newer / "0002_expand.sql").write_text("ALTER TABLE a ADD COLUMN y int NOT NULL DEFAULT 0")
    assert migrate(settings, newer) == ["0001_first.sql", "0002_expand.sql"]
    assert migrate(settings, older) == []
    with psycopg.connect(databases["own"].dsn) as connection:
        connection.execute("INSERT INTO a (x) VALUES (1)")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_migration_takes_nothing_away_from_the_version_before(package):
    for entry in sorted((files(package) / "migrations").iterdir(), key=lambda path: path.name):
        text = entry.read_text() if entry.name.endswith(".sql") else ""
        code = re.sub(r"--.*", "", text)
        assert not CONTRACTS.search(code) or SINCE.search(text), (
            f"{package}: {entry.name} breaks the version that still runs while it is rolled out; "
            "expand first, and contract in a later version with `-- contract: unused since N.N`"
        )


def test_that_rule_can_fail():
    assert CONTRACTS.search("ALTER TABLE a DROP COLUMN b")
    assert CONTRACTS.search("alter table a rename column b to c")
    assert CONTRACTS.search("ALTER TABLE a ALTER COLUMN b TYPE bigint")
    assert not CONTRACTS.search("ALTER TABLE a ADD COLUMN b int; DROP INDEX c; DROP TRIGGER d ON a")
    assert SINCE.search("-- contract: unused since 0.4\nALTER TABLE a DROP COLUMN b")
