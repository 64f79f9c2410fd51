"""Runs every benchmark one after the other, each in a process of its own.

    python bench/run.py [NAME …]

A benchmark is a file of this folder with a `main`; it interleaves its two sides, takes medians and prints a table. Times are
CPU-seconds; a ratio compares with a peer or with the raw engine in the same run.
"""

import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
NAMES = ("gateway", "ingest", "pipeline", "sql", "inference", "sources", "ingest_peers", "workbook", "memory")


def main(wanted: list[str]) -> int:
    """Runs the named benchmarks, or all; 1 when one of them failed."""
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        sys.stderr.write(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}\n")
        return 2
    failed = []
    for name in wanted or NAMES:
        sys.stdout.write(f"\n== {name}\n")
        sys.stdout.flush()
        started = time.perf_counter()
        finished = subprocess.run([sys.executable, str(FOLDER / f"{name}.py")], check=False)
        sys.stdout.write(f"({time.perf_counter() - started:.0f} s)\n")
        if finished.returncode != 0:
            failed.append(name)
    if failed:
        sys.stdout.write(f"failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
