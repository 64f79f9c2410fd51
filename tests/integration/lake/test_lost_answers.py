"""PostgreSQL or the object store does what it is asked, and its answer is lost: committed once, or not at all and said so."""

from collections.abc import Iterator
from decimal import Decimal

import polars as pl
import pytest

from lake import Lake, LakeSettings, TableSchema, allow_all
from lake.errors import MetadataUnavailableError, StoreError

from support.lakes import all_rows
from support.losing import Losing

SCHEMA = TableSchema.of([("province", "text"), ("amount", "decimal(20,2)")])
ROWS = pl.DataFrame({"province": ["32"], "amount": [Decimal("1.00")]}, schema=SCHEMA.to_polars())


@pytest.fixture(scope="module")
def database(lake_settings: LakeSettings) -> Iterator[Losing]:
    losing = Losing(lake_settings.postgres.host, lake_settings.postgres.port)
    yield losing
    losing.close()


@pytest.fixture(scope="module")
def store(lake_settings: LakeSettings) -> Iterator[Losing]:
    host, _, port = lake_settings.s3.endpoint.partition(":")
    losing = Losing(host, int(port))
    yield losing
    losing.close()


@pytest.fixture(scope="module")
def unlucky(lake_settings: LakeSettings, database: Losing, store: Losing) -> Iterator[Lake]:
    """The same lake, by way of the two."""
    postgres = lake_settings.postgres.model_copy(update={"port": database.port})
    s3 = lake_settings.s3.model_copy(update={"endpoint": f"127.0.0.1:{store.port}"})
    with Lake.open(lake_settings.model_copy(update={"postgres": postgres, "s3": s3})) as opened:
        yield opened


@pytest.mark.parametrize(
    ("server", "mark", "times"),
    [
        ("database", b"COMMIT", 1),
        ("database", b"COMMIT", 3),
        ("database", b"UPDATE iceberg_tables", 1),
        ("database", b"lake_commits", 1),
        ("store", b".metadata.json HTTP", 1),
        ("store", b".metadata.json HTTP", 3),
        ("store", b".avro HTTP", 1),
        ("store", b".parquet HTTP", 1),
    ],
)
def test_committed_once_or_a_clean_error(
    lake: Lake, unlucky: Lake, request: pytest.FixtureRequest, server: str, mark: bytes, times: int
) -> None:
    losing: Losing = request.getfixturevalue(server)
    table = f"lost_{server}_{abs(hash(mark)) % 10**6}_{times}"
    lake.create_table(table, SCHEMA)
    lake.writer(table).append(ROWS, run_id="before")
    before = losing.lost
    losing.lose(mark, times)
    try:
        result = unlucky.writer(table).append(ROWS, run_id="unlucky")
    except (StoreError, MetadataUnavailableError) as error:
        assert error.code == "UNAVAILABLE"  # noqa: PT017 - either of the two is right
        result = None
    losing.lose(b"", 0)
    assert losing.lost > before, "no answer was lost"
    # Nothing is missing for those who read, and every snapshot is whole.
    rows = all_rows(lake, table).height
    assert rows in {1, 2}
    if result is not None:
        assert rows == 2
    for snapshot in lake.snapshots(table):
        assert (
            lake.reader.scan(table, allow_all(table, "test"), snapshot_id=snapshot.snapshot_id)
            .lazyframe.collect()
            .height
        )
    again = unlucky.writer(table).append(ROWS, run_id="unlucky")
    assert again.repeated == (rows == 2)
    assert all_rows(lake, table).height == 2
    assert [info.run_id for info in lake.snapshots(table)] == ["unlucky", "before"]
