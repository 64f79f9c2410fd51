"""Running the programs that builds need."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from platformimages.errors import ImageError

__all__ = ["EPOCH", "ROOT", "debian_program", "program", "run"]

ROOT = Path(__file__).resolve().parents[4]
EPOCH = os.environ.get("SOURCE_DATE_EPOCH", "0")
"""Time of every file in an image, in seconds since 1970."""

_SECONDS = 1800
# Where bootstrap.sh puts uv when the machine has none.
_TOOLS = Path("tools", "uv", "bin")


def program(name: str, package: str) -> str:
    """Path of a program; ImageError that names the Debian package where it is missing."""
    data = ROOT / (os.environ.get("LUMBUNG_DATA_DIR") or ".lumbung")
    found = shutil.which(name) or shutil.which(name, path=str(data / _TOOLS))
    if found is None:
        raise ImageError(f"images need {name}: install {package}")
    return found


def debian_program(name: str) -> str:
    """Path of a program in the Debian package of its name, which root installs where it is missing."""
    if shutil.which(name) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        run(["apt-get", "update", "-qq"])
        install = ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", name]
        run(install, env={"DEBIAN_FRONTEND": "noninteractive"})
    return program(name, f"{name} (apt-get install {name})")


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> str:
    """Runs a program in the repository's root and returns what it printed; ImageError when it fails."""
    # uv would take the environment that this program runs in for the one it shall change.
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**inherited, "SOURCE_DATE_EPOCH": EPOCH, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        shown = " ".join(str(word) for word in command[:6])
        raise ImageError(
            f"`{shown} …` failed ({done.returncode}): {(done.stderr or done.stdout).strip()[-1500:]}"
        )
    return done.stdout
