"""The Go that programs are built with, and what is kept beside a built one."""

import re
import shutil

from platformsetup.buildcache import run_build
from platformsetup.errors import SetupError

__all__ = ["BUILD_FLAGS", "MODULES", "find_go", "listed_modules"]

BUILD_FLAGS = {"GOFLAGS": "-trimpath -buildvcs=false", "CGO_ENABLED": "0"}
"""Environment of every build: the same program everywhere, and one that needs no library."""

MODULES = "modules.txt"
"""File beside a program: Go's version, then the modules in it with their checksums, as `go version -m` lists them."""

# Where Go's own installer puts it, on the PATH or not.
_USUAL_GO = "/usr/local/go/bin"


def find_go(what: str, oldest: tuple[int, int], *, otherwise: str = "") -> str:
    """Path of a Go of this version or later; SetupError says that `what` needs it, and what to do `otherwise`."""
    go = shutil.which("go") or shutil.which("go", path=_USUAL_GO)
    wanted = ".".join(map(str, oldest))
    advice = f"install Go {wanted} or later (https://go.dev/dl){otherwise}"
    if go is None:
        raise SetupError(f"{what} is built from its Go module, and there is no Go: {advice}")
    said = run_build([go, "version"], {}, "asking for Go's version", seconds=60)
    found = re.search(r"go(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < oldest:
        raise SetupError(f"{what} cannot be built with {said.strip()} ({go}): {advice}")
    return go


def listed_modules(go: str, program: str) -> str:
    """The text of MODULES for a program."""
    listed = run_build([go, "version", "-m", program], {}, "listing the program's modules")
    # Its first line begins with the file's name.
    return listed.split(": ", 1)[1]
