"""The telemetry collector, built from deploy/images/collector: once per user and content, 1 to 4 minutes.

`python -m platformimages.collectorprogram` builds it and prints where it is.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from platformimages.commands import ROOT
from platformimages.goprogram import lay_program
from platformsetup.buildcache import cache_folder, made_once, run_build, tell_built
from platformsetup.golang import BUILD_FLAGS, MODULES, find_go, listed_modules

__all__ = ["LICENCE", "built_program", "main", "place", "stamp", "write"]

LICENCE = "LICENSE"
"""Beside the program: that of the collector (Apache-2.0)."""

_SOURCE = ROOT / "deploy" / "images" / "collector"
_FILES = ("go.mod", "go.sum", "main.go")
_MODULE = "go.opentelemetry.io/collector/otelcol"
_OLDEST_GO = (1, 25)
_SECONDS = 1800


def stamp() -> str:
    """Changes with what would be built."""
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update((_SOURCE / name).read_bytes())
    return digest.hexdigest()[:12]


def place(cache_dir: Path) -> Path:
    """Where the program is, or will be when it is built."""
    return cache_dir / f"collector-{stamp()}" / "collector"


def built_program(cache_dir: Path) -> Path:
    """The program in a folder of its own in the cache; builds it when it is not there yet.

    Raises SetupError when there is no Go to build it with, or the build fails.
    """
    program = place(cache_dir)
    made_once(program.parent, "collector", _build)
    return program


def write(target: Path) -> None:
    """Builds the program if needed and lays it below `target`."""
    lay_program(built_program(cache_folder(os.environ)), (MODULES, LICENCE), target)


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Builds the program; 1 with one line when it cannot."""
    return tell_built(built_program, environ)


def _build(work: Path) -> Path:
    go = find_go("the telemetry collector", _OLDEST_GO)
    source, program = ["-C", str(_SOURCE)], str(work / "collector")
    build = [go, "build", *source, "-mod=readonly", f"-ldflags=-s -w -X main.version={_version()}"]
    run_build([*build, "-o", program, "."], BUILD_FLAGS, "building the telemetry collector", seconds=_SECONDS)
    (work / MODULES).write_text(listed_modules(go, program))
    found = run_build([go, "list", *source, "-m", "-f", "{{.Dir}}", _MODULE], {}, "finding its licence")
    shutil.copyfile(Path(found.strip()) / LICENCE, work / LICENCE)
    return work


def _version() -> str:
    found = re.search(rf"{re.escape(_MODULE)} v(\S+)", (_SOURCE / "go.mod").read_text())
    return found[1] if found else "unknown"


if __name__ == "__main__":
    raise SystemExit(main())
