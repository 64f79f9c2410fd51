"""Runs every static check and says what failed: format, lint, types, imports, protos, unused code,
whether the chart's schema is fresh.

    python tools/check.py

That the lock is fresh is checked by the set-up itself, which installs with `--locked`.
"""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from breaking import breaking_command, build_image

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
SOURCES = ["libs", "sdk", "services", "deploy", "treasury", "bench", "tools"]


def _checks(image: Path) -> dict[str, list[str]]:
    packages = [*sorted(str(path.parent) for path in ROOT.glob("*/*/pyproject.toml")), str(ROOT / "sdk")]
    sources = [
        str(next(path for path in (Path(package) / "src").iterdir() if (path / "__init__.py").exists()))
        for package in packages
    ]
    scripts = [str(ROOT / name) for name in ("treasury", "bench", "tools")]
    checks = {
        "format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
        "lint": [str(BIN / "ruff"), "check", "--quiet", "."],
        "types": [str(BIN / "mypy"), "--no-error-summary", *sources, *scripts],
        "imports": [str(BIN / "lint-imports"), "--no-cache"],
        "protos: lint": [str(BIN / "buf"), "lint", str(image)],
        "protos: format": [str(BIN / "buf"), "format", "--diff", "--exit-code", "--path", "protos"],
        "unused code": [str(BIN / "vulture")],
        "charts: schema": [str(BIN / "python"), str(ROOT / "tools" / "chart_schema.py"), "--check"],
    }
    breaking = breaking_command(ROOT, image)
    if breaking:
        checks["protos: breaking"] = breaking
    return checks


def _run(check: tuple[str, list[str]]) -> tuple[str, int, str, float]:
    name, command = check
    started = time.perf_counter()
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return name, finished.returncode, finished.stdout + finished.stderr, time.perf_counter() - started


def main() -> int:
    """Runs the checks, two at a time; 1 when any failed."""
    image = build_image(ROOT / "protos", ROOT / "build" / "protos.binpb")
    failed = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, code, output, seconds in pool.map(_run, _checks(image).items()):
            sys.stdout.write(f"{'ok    ' if code == 0 else 'FAILED'} {name} ({seconds:.1f} s)\n")
            if code != 0:
                failed.append(name)
                sys.stdout.write(output + "\n")
    if failed:
        sys.stdout.write(f"failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
