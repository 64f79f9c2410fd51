"""MinIO, an S3 service, built from its Go module: once per user, 2 to 5 minutes; and how it is run.

`python -m platformsetup.minioserver` builds it and prints where it is. Nobody publishes programs of this version: the
project's upstream is archived.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from platformsetup.buildcache import made_once, run_build, tell_built
from platformsetup.golang import BUILD_FLAGS, MODULES, find_go, listed_modules

__all__ = ["LICENCES", "VERSION", "arguments", "built_program", "environment", "main"]

VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
"""The last commit of github.com/minio/minio, which `@latest` names."""

LICENCES = ("LICENSE", "CREDITS")
"""Beside the program: its own licence (AGPL-3.0) and those of its modules."""

_MODULE = "github.com/minio/minio"
_OLDEST_GO = (1, 24)
_OTHERWISE = ", or take SeaweedFS: LUMBUNG_S3_PROGRAM=seaweedfs"
_SECONDS = 1800


def built_program(cache_dir: Path) -> Path:
    """The program `minio` in a folder of its own in the cache; builds it when it is not there yet.

    Raises SetupError when there is no Go to build it with, or the build fails.
    """
    return made_once(cache_dir / f"minio-{VERSION}", "minio", _build) / "minio"


def arguments(program: Path, data: Path, address: str) -> list[str]:
    """Command line of a server with one folder; `address` is host:port of its only port."""
    return [str(program), "server", str(data), "--address", address, "--quiet"]


def environment(access_key: str, secret_key: str) -> dict[str, str]:
    """Variables of a server: its account; no console; nothing is asked of or told to its makers."""
    return {
        "MINIO_ROOT_USER": access_key,
        "MINIO_ROOT_PASSWORD": secret_key,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "MINIO_CALLHOME_ENABLE": "off",
        # Like the other parts' metrics; who reaches the port sees numbers only.
        "MINIO_PROMETHEUS_AUTH_TYPE": "public",
    }


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Builds the program; 1 with one line when it cannot."""
    return tell_built(built_program, environ)


def _build(work: Path) -> Path:
    go = find_go("MinIO", _OLDEST_GO, otherwise=_OTHERWISE)
    install = [go, "install", "-ldflags=-s -w", f"{_MODULE}@{VERSION}"]
    run_build(install, {**BUILD_FLAGS, "GOBIN": str(work)}, f"building {_MODULE}@{VERSION}", seconds=_SECONDS)
    (work / MODULES).write_text(listed_modules(go, str(work / "minio")))
    _copy_licences(go, work)
    return work


def _copy_licences(go: str, target: Path) -> None:
    said = run_build([go, "mod", "download", "-json", f"{_MODULE}@{VERSION}"], {}, "finding MinIO's source")
    source = Path(json.loads(said)["Dir"])
    for name in LICENCES:
        shutil.copyfile(source / name, target / name)


if __name__ == "__main__":
    raise SystemExit(main())
