"""Where programs that are fetched and built on this machine are kept, shared by every checkout of a user."""

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from platformsetup.errors import SetupError

__all__ = ["build_lock", "cache_folder", "run_build"]


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
