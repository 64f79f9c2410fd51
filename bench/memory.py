"""A CSV file of 10 GB through ingest's validating process: its largest memory, beside that for a tenth of the file.

    uv run python bench/memory.py [--megabytes 10000]

Needs twice the file's size of disk. Each size is checked in processes of their own.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.checking import check  # noqa: E402
from bench.ingest import DECLARATION, write_sample  # noqa: E402

GOAL_MIB = 1024


def measure(megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.csv"
        rows = write_sample(path, megabytes)
        used = check(path, DECLARATION, rows, rounds=1)[0]
        size = path.stat().st_size / 1e6
    print(f"{size:8,.0f} MB{rows:14,} rows{used.cpu:9.1f} CPU s{used.peak:8.0f} MiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=10_000)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        measure(arguments.megabytes)
        return
    for megabytes in (arguments.megabytes // 10, arguments.megabytes):
        subprocess.run([sys.executable, __file__, "--one", "--megabytes", str(megabytes)], check=True)
    print(f"goal: below {GOAL_MIB} MiB")


if __name__ == "__main__":
    main()
