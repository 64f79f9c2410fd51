"""A lake on the throw-away servers: fixtures `lake_settings` and `lake`, fresh per test module."""

from collections.abc import Iterator

import polars as pl
import pytest

from lake import Lake, LakeSettings, TableId

from support.servers import PostgresServer, S3Server


def fresh_lake_settings(postgres: PostgresServer, s3: S3Server) -> LakeSettings:
    """Settings of a lake in a fresh database and a fresh bucket."""
    from lake import LakeSettings

    database = postgres.create_database("lake")
    return LakeSettings.model_validate(
        {
            "postgres": {
                "host": database.host,
                "port": database.port,
                "database": database.database,
                "user": database.user,
                "password": database.password,
            },
            "s3": {
                "endpoint": s3.endpoint,
                "access_key": s3.access_key,
                "secret_key": s3.secret_key,
                "bucket": s3.create_bucket("lake"),
            },
        }
    )


@pytest.fixture(scope="module")
def lake_settings(postgres_server: PostgresServer, s3_server: S3Server) -> LakeSettings:
    """Where the module's lake lives; give it to other processes."""
    return fresh_lake_settings(postgres_server, s3_server)


@pytest.fixture(scope="module")
def lake(lake_settings: LakeSettings) -> Iterator[Lake]:
    """An open lake without tables; tests use table names of their own."""
    from lake import Lake

    with Lake.open(lake_settings) as opened:
        yield opened


def all_rows(lake: Lake, table: str | TableId) -> pl.DataFrame:
    """Every row of a table as it is, for a comparison."""
    from lake import allow_all

    return lake.reader.scan(table, allow_all(str(table), "test")).lazyframe.collect()
