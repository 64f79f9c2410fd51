"""A start before the object store's: waited for, and said so."""

import threading
import time

import pytest
import structlog

from lake import S3ObjectStore, S3Settings, wait_for_bucket
from lake.errors import StoreError

from support.ports import free_port
from support.relay import relay


def _store(s3_server, endpoint):
    return S3ObjectStore(
        S3Settings(
            endpoint=endpoint,
            access_key=s3_server.access_key,
            secret_key=s3_server.secret_key,
            bucket="waited-for",
        )
    )


def test_a_store_that_comes_late_is_waited_for(s3_server):
    port = free_port()
    doors = []
    timer = threading.Timer(2.0, lambda: doors.append(relay(port, s3_server.endpoint)))
    timer.start()
    begun = time.monotonic()
    with structlog.testing.capture_logs() as logs:
        wait_for_bucket(_store(s3_server, f"127.0.0.1:{port}"), 30)
    timer.join()
    doors[0].shutdown()
    doors[0].server_close()
    assert time.monotonic() - begun > 1.5
    assert {entry["event"] for entry in logs} == {"waiting for the object store"}
    assert s3_server.client().bucket_exists("waited-for")


def test_a_store_that_does_not_come_ends_the_wait(s3_server):
    with pytest.raises(StoreError, match="waited-for"):
        wait_for_bucket(_store(s3_server, f"127.0.0.1:{free_port()}"), 0.2)
