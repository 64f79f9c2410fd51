"""Keycloak's distribution, built for PostgreSQL, with the arguments that Java needs for it."""

import os
import shutil
from pathlib import Path

from platformsetup.buildcache import cache_folder
from platformsetup.identity import distribution
from platformsetup.java import find_java

__all__ = ["stamp", "write"]

_HOME = Path("/opt/keycloak")
_ARGUMENTS = "java.args"
"""Read by `java @/opt/keycloak/java.args`."""


def stamp() -> str:
    """Changes with what would be built."""
    return repr((distribution.VERSION, distribution.BUILD_OPTIONS, distribution.java_arguments(_HOME)))


def write(target: Path) -> None:
    """Fetches and builds the distribution into `target` (about 40 s, once per machine)."""
    cache = cache_folder(os.environ)
    built = distribution.built_distribution(cache, find_java(), distribution.local_archive(os.environ))
    shutil.copytree(built, target, symlinks=True)
    # Scripts around the same Java command.
    shutil.rmtree(target / "bin")
    (target / "data").mkdir(exist_ok=True)
    lines = distribution.java_arguments(_HOME)
    (target / _ARGUMENTS).write_text("".join(f"{line}\n" for line in lines))
