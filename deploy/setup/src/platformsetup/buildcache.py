"""Where programs that are fetched and built on this machine are kept, shared by every checkout of a user."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from platformsetup.errors import SetupError

__all__ = ["build_lock", "cache_folder", "made_once", "run_build", "tell_built"]


def cache_folder(environ: Mapping[str, str]) -> Path:
    """The cache: LUMBUNG_CACHE_DIR, else a folder in the user's cache."""
    home = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(environ.get("LUMBUNG_CACHE_DIR") or home / "lumbung").expanduser().resolve()


@contextlib.contextmanager
def build_lock(cache_dir: Path, name: str) -> Iterator[None]:
    """Keeps two processes from building the same thing at once."""
    cache_dir.mkdir(parents=True, exist_ok=True)
    with (cache_dir / f"{name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def made_once(target: Path, lock: str, make: Callable[[Path], Path]) -> Path:
    """`target`, a folder of the cache; made when it is not there yet, whole or not at all, by one process at a time.

    `make` gets an empty folder and returns what of it is to become `target`: the folder itself, or one within. `lock` names
    what is made; what a killed process left unfinished of it is removed.
    """
    if target.exists():
        return target
    cache_dir = target.parent
    with build_lock(cache_dir, lock):
        if target.exists():
            return target
        for stale in cache_dir.glob(f"unfinished-{lock}-*"):
            shutil.rmtree(stale, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=f"unfinished-{lock}-", dir=cache_dir))
        work.chmod(0o755)
        try:
            make(work).rename(target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return target


def tell_built(build: Callable[[Path], Path], environ: Mapping[str, str]) -> int:
    """A command's whole work: builds into the cache and prints where; 1 with one line when it cannot."""
    try:
        sys.stdout.write(f"{build(cache_folder(environ))}\n")
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def run_build(command: Sequence[str], extra: Mapping[str, str], what: str, *, seconds: float = 900) -> str:
    """Runs one step of a build and returns what it printed; SetupError with the end of its output when it fails."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **extra},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"{what} took longer than {seconds:.0f} s") from error
    if done.returncode != 0:
        raise SetupError(f"{what} failed: {(done.stdout + done.stderr).strip()[-600:]}")
    return done.stdout
