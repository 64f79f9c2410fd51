"""How a throw-away S3 is run: SeaweedFS, or MinIO where LUMBUNG_S3_PROGRAM says so, like the local stack."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from localstack.settings import s3_program
from platformsetup import minioserver
from platformsetup.buildcache import cache_folder

__all__ = ["PORTS", "S3Program", "chosen_program"]

# What is given; S3 itself listens on the first.
PORTS = 10


@dataclass(frozen=True)
class S3Program:
    """A command line with its environment; `folder` is private to it."""

    command: list[str]
    environment: dict[str, str]


def chosen_program(folder: Path, access_key: str, secret_key: str, ports: list[int]) -> S3Program:
    """The program to start in `folder`; its account may do everything. MinIO is built if needed."""
    own = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder)}
    data = folder / "data"
    data.mkdir()
    if s3_program(os.environ) == "minio":
        program = minioserver.built_program(cache_folder(os.environ))
        command = minioserver.arguments(program, data, f"127.0.0.1:{ports[0]}")
        return S3Program(command, own | minioserver.environment(access_key, secret_key))
    return S3Program(_seaweedfs(folder, data, access_key, secret_key, ports), own)


def _seaweedfs(folder: Path, data: Path, access_key: str, secret_key: str, ports: list[int]) -> list[str]:
    config = folder / "s3.json"
    config.touch(mode=0o600)
    key = {"accessKey": access_key, "secretKey": secret_key}
    config.write_text(
        json.dumps({"identities": [{"name": "test", "credentials": [key], "actions": ["Admin"]}]})
    )
    command = [str(Path(sys.executable).parent / "weed"), "mini", f"-dir={data}"]
    command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false"]
    command += ["-master.telemetry=false", "-master.volumeSizeLimitMB=256"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={config}"]
    command += [f"-{part}.localSocket={folder / part}.sock" for part in ("filer", "s3")]
    for index, name in enumerate(("s3", "master", "volume", "filer", "admin")):
        command += [f"-{name}.port={ports[2 * index]}", f"-{name}.port.grpc={ports[2 * index + 1]}"]
    return command
