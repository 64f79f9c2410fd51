"""The telemetry collector, built from deploy/images/collector: once per user and content, 1 to 4 minutes.

`python -m platformimages.collectorprogram` builds it and prints where it is.
"""

import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from platformimages.commands import ROOT
from platformsetup.buildcache import build_lock, cache_folder, run_build
from platformsetup.errors import SetupError
from platformsetup.golang import BUILD_FLAGS, MODULES, find_go, listed_modules

__all__ = ["LICENCE", "built_program", "main", "place", "stamp", "write"]

LICENCE = "LICENSE"
"""Beside the program: that of the collector (Apache-2.0)."""

_SOURCE = ROOT / "deploy" / "images" / "collector"
_FILES = ("go.mod", "go.sum", "main.go")
_MODULE = "go.opentelemetry.io/collector/otelcol"
_OLDEST_GO = (1, 25)
_SECONDS = 1800
_PROGRAM = Path("usr/local/bin/collector")
_DOCUMENTS = Path("usr/share/doc/collector")


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
    with build_lock(cache_dir, "collector"):
        if program.exists():
            return program
        go = find_go("the telemetry collector", _OLDEST_GO)
        for stale in cache_dir.glob("unfinished-collector-*"):
            shutil.rmtree(stale, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix="unfinished-collector-", dir=cache_dir))
        flags = f"-s -w -X main.version={_version()}"
        build = [
            go,
            "build",
            "-C",
            str(_SOURCE),
            "-mod=readonly",
            f"-ldflags={flags}",
            "-o",
            str(work / "collector"),
            ".",
        ]
        run_build(build, BUILD_FLAGS, "building the telemetry collector", seconds=_SECONDS)
        (work / MODULES).write_text(listed_modules(go, str(work / "collector")))
        found = run_build(
            [go, "list", "-C", str(_SOURCE), "-m", "-f", "{{.Dir}}", _MODULE], {}, "finding its licence"
        )
        shutil.copyfile(Path(found.strip()) / LICENCE, work / LICENCE)
        work.chmod(0o755)
        work.rename(program.parent)
    return program


def write(target: Path) -> None:
    """Builds the program if needed and lays it below `target`."""
    program = built_program(cache_folder(os.environ))
    (target / _PROGRAM).parent.mkdir(parents=True)
    shutil.copy(program, target / _PROGRAM)
    (target / _DOCUMENTS).mkdir(parents=True)
    for name in (MODULES, LICENCE):
        shutil.copyfile(program.parent / name, target / _DOCUMENTS / name)


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Builds the program; 1 with one line when it cannot."""
    try:
        sys.stdout.write(f"{built_program(cache_folder(environ))}\n")
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _version() -> str:
    found = re.search(rf"{re.escape(_MODULE)} v(\S+)", (_SOURCE / "go.mod").read_text())
    return found[1] if found else "unknown"


if __name__ == "__main__":
    raise SystemExit(main())
