"""Runs every test as two runs of pytest side by side: those that wait for servers leave a processor to those that do not.

    python tools/run_tests.py [ARGUMENTS OF PYTEST]

With arguments it is one run of pytest with them.
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WITH_STACK = ("tests/integration", "tests/e2e")


def main(arguments: list[str]) -> int:
    """0 when every test passed."""
    pytest = [sys.executable, "-m", "pytest"]
    if arguments:
        return subprocess.run([*pytest, *arguments], cwd=ROOT, check=False).returncode
    paths = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["testpaths"]
    with tempfile.TemporaryFile() as said:
        others = [path for path in paths if path not in WITH_STACK]
        beside = subprocess.Popen([*pytest, *others], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        try:
            mine = subprocess.run([*pytest, *WITH_STACK], cwd=ROOT, check=False).returncode
            theirs = beside.wait()
        finally:
            beside.kill()
        said.seek(0)
        sys.stdout.write(said.read().decode(errors="replace"))
    return mine or theirs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
