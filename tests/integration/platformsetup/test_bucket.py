"""`bucket` against a real store, and against one that is no S3."""

import secrets

import pytest

from support.forgetfuls3 import unconditional_s3
from support.ports import free_port
from support.setupcommand import setup_command


def run(endpoint, access_key, secret_key, folder, *, bucket="lumbung-lake", seconds=20):
    s3 = {"endpoint": endpoint, "access_key": access_key, "bucket": bucket}
    settings = {"deadline_seconds": seconds, "lake": {"s3": s3}}
    return setup_command("bucket", settings, {"LUMBUNG_LAKE__S3__SECRET_KEY": secret_key}, folder)


def test_the_bucket_is_made_once_and_stays(s3_server, tmp_path):
    bucket = f"setup-{secrets.token_hex(4)}"
    client = s3_server.client()
    for _ in range(2):
        done = run(s3_server.endpoint, s3_server.access_key, s3_server.secret_key, tmp_path, bucket=bucket)
        assert (done.returncode, done.stderr) == (0, "")
        assert bucket in done.stdout
        assert client.bucket_exists(bucket)


def test_a_store_in_which_two_writers_win_is_refused_at_once(s3_server, tmp_path):
    with unconditional_s3(s3_server.client()) as endpoint:
        done = run(endpoint, s3_server.access_key, s3_server.secret_key, tmp_path, bucket="two-writers")
    assert done.returncode == 1
    assert "32 of 32 racing conditional puts won, 1 should" in done.stderr
    assert "Use an S3 service that honours If-None-Match" in done.stderr


@pytest.mark.parametrize("known", [True, False])
def test_a_store_that_does_not_let_us_in_is_named_until_the_deadline(s3_server, tmp_path, known):
    endpoint = s3_server.endpoint if known else f"127.0.0.1:{free_port()}"
    done = run(endpoint, s3_server.access_key, "wrong", tmp_path, seconds=1.5)
    assert done.returncode == 3
    assert done.stderr.startswith(f"waiting for S3 at http://{endpoint}")
    assert f"S3 at http://{endpoint} was not ready within 2 s" in done.stderr
