"""The lake talks to the endpoint of its settings and to nobody else."""

import json
import os
import subprocess
import sys
from pathlib import Path

from lake import LakeSettings

PROGRAM = """
import socket, sys
from support.lake_workers import write_and_read
from lake import LakeSettings

asked = set()
real = socket.getaddrinfo

def watched(host, *arguments, **options):
    asked.add(host)
    return real(host, *arguments, **options)

socket.getaddrinfo = watched
write_and_read(LakeSettings.model_validate_json(sys.stdin.read()), "isolated")
print(sorted(host if isinstance(host, str) else host.decode() for host in asked))
print(sorted(name for name in sys.modules if name.split(".")[0] in {"boto3", "botocore", "fsspec"}))
"""


def test_the_environment_of_a_cloud_changes_nothing(lake_settings: LakeSettings) -> None:
    secrets = lake_settings.model_dump(mode="json")
    secrets["s3"]["secret_key"] = lake_settings.s3.secret_key.get_secret_value()
    secrets["postgres"]["password"] = lake_settings.postgres.password.get_secret_value()
    foreign = {
        "AWS_ACCESS_KEY_ID": "foreign",
        "AWS_SECRET_ACCESS_KEY": "foreign",
        "AWS_SESSION_TOKEN": "foreign",
        "AWS_REGION": "eu-nowhere-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_PROFILE": "foreign",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(secrets),
        env={**os.environ, **foreign, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    hosts, modules = done.stdout.splitlines()
    assert hosts == "['127.0.0.1']"
    assert modules == "[]"
