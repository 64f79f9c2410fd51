"""Servers that are away become errors that callers try again after; nothing else does."""

import psycopg
import psycopg_pool
import pytest
import sqlalchemy.exc

from lake.errors import MetadataUnavailableError, StoreError
from lake.outages import outages


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("connection failed: Connection refused\nIs the server running?"),
        psycopg_pool.PoolTimeout("couldn't get a connection after 10.00 sec"),
        sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception("in recovery mode")),
        sqlalchemy.exc.TimeoutError("QueuePool limit"),
    ],
    ids=lambda error: f"{type(error).__module__}.{type(error).__name__}",
)
def test_a_database_that_is_away(error):
    with pytest.raises(MetadataUnavailableError) as caught, outages():
        raise error
    assert caught.value.code == "UNAVAILABLE"
    assert caught.value.retry_after_seconds
    assert "\n" not in caught.value.sentence("id")
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [OSError("When reading: Couldn't connect"), ConnectionResetError(), TimeoutError()]
)
def test_a_store_that_is_away(error):
    with pytest.raises(StoreError) as caught, outages():
        raise error
    assert caught.value.code == "UNAVAILABLE"
    assert caught.value.sentence("en").startswith("The object store does not answer: ")


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("metadata/00001.json"),
        sqlalchemy.exc.IntegrityError("INSERT", {}, Exception("duplicate key")),
        psycopg.errors.UniqueViolation("duplicate key"),
        ValueError("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_repetition_does_not_mend_stays_itself(error):
    with pytest.raises(type(error)) as caught, outages():
        raise error
    assert caught.value is error


def test_it_wraps_a_method_as_well():
    @outages()
    def work(count: int) -> int:
        if count:
            return count
        raise OSError("gone")

    assert work(3) == 3
    with pytest.raises(StoreError):
        work(0)
