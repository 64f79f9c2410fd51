"""A database that stands for a source system: something for ingest to read on a laptop."""

from typing import Any

import psycopg

from localstack.ports import HOST
from localstack.settings import StackSettings
from localstack.vault import Vault
from platformsetup.databases import ensure_databases

# The database, its role, and the name under which ingest knows the role's password.
NAME = "practice"
SECRET_FILE = "practice-source"  # noqa: S105 - a file's name

_TABLE = """
CREATE TABLE payment (
    id bigint PRIMARY KEY,
    office_code varchar(3) NOT NULL,
    amount numeric(20,2) NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON payment (changed_at);
INSERT INTO payment (id, office_code, amount) VALUES
    (1, '018', 1250000.00), (2, '019', 99000000000000.01), (3, '18', 3000.00);
"""


def ensure_practice_source(administrator: psycopg.Connection[Any], port: int, vault: Vault) -> None:
    """Makes role, database and table where they are missing; rows that are there are left alone."""
    password = vault.read(SECRET_FILE)
    ensure_databases(administrator, {NAME: password})
    with psycopg.connect(host=HOST, port=port, user=NAME, password=password, dbname=NAME) as connection:
        found = connection.execute("SELECT to_regclass('payment')").fetchone()
        if found is None or found[0] is None:
            connection.execute(_TABLE)


def source_settings(settings: StackSettings) -> dict[str, Any]:
    """Section `sources` of ingest's settings: this one place, and nothing else."""
    return {"hosts": [{"host": HOST, "port": settings.ports["postgres"], "secrets": [NAME]}]}
