"""Prometheus' own checker of rules, built from its Go module into `build/tools`.

    python tools/promtool.py

Minutes the first time; needs Go and the network. The chart's tests use it where it is there.
"""

import shutil
import sys
from pathlib import Path

from platformsetup.buildcache import run_build
from platformsetup.errors import SetupError
from platformsetup.golang import BUILD_FLAGS, find_go

MODULE = "github.com/prometheus/prometheus/cmd/promtool@v0.316.0"
TOOLS = Path(__file__).resolve().parent.parent / "build" / "tools"
_OLDEST_GO = (1, 25)
_SECONDS = 1800


def find_promtool() -> str | None:
    """The promtool on PATH, else the one that was built here."""
    built = TOOLS / "promtool"
    return shutil.which("promtool") or (str(built) if built.exists() else None)


def main() -> int:
    """Builds it where there is none; prints where it is."""
    if find_promtool() is None:
        try:
            go = find_go("promtool", _OLDEST_GO)
            install = [go, "install", "-ldflags=-s -w", MODULE]
            run_build(install, {**BUILD_FLAGS, "GOBIN": str(TOOLS)}, f"building {MODULE}", seconds=_SECONDS)
        except SetupError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    sys.stdout.write(f"{find_promtool()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
