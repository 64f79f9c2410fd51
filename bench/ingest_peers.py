"""A CSV file checked and committed by ingest, beside what dlt does with it: its Arrow path and its path by rows. CPU-seconds.

    uv run python bench/ingest_peers.py [--megabytes 150] [--row-megabytes 15] [--rounds 3]

dlt only loads: as Parquet into a local folder, every column as text (Arrow) or as it infers (rows); ingest gives each value its type,
holds the contract's rules, and commits to the lake. All sides are processes of their own, interleaved; times are medians, without loading the
libraries. The path by rows has a smaller file: it is compared per megabyte. dlt comes from the package index into an
environment of its own.
"""

# ruff: noqa: PLC0415 - dlt is only in its own environment
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

DLT = "dlt[filesystem,parquet]==1.31.0"
ROWS_AT_ONCE = 10_000


def load(path: Path, folder: Path, way: str) -> dict[str, float]:
    """What dlt needs for a file, in its own environment."""
    import csv
    from collections.abc import Iterator
    from itertools import islice

    import dlt
    import pyarrow.csv as pacsv

    def arrow() -> Iterator[Any]:
        with path.open("rb") as stream:
            names = stream.readline().decode().strip().split(";")
        text = pacsv.ConvertOptions(column_types=dict.fromkeys(names, "string"))
        with pacsv.open_csv(
            path, parse_options=pacsv.ParseOptions(delimiter=";"), convert_options=text
        ) as reader:
            yield from reader

    def rows() -> Iterator[Any]:
        with path.open(newline="") as stream:
            lines = csv.DictReader(stream, delimiter=";")
            while several := list(islice(lines, ROWS_AT_ONCE)):
                yield several

    source = dlt.resource(arrow if way == "arrow" else rows, name="bench")
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.filesystem(bucket_url=f"file://{folder / 'out'}"),
        dataset_name="bench",
        pipelines_dir=str(folder / "state"),
    )
    before = _used()
    pipeline.run(source, loader_file_format="parquet")
    used = _used() - before
    written = pipeline.last_trace.last_normalize_info.row_counts["bench"]
    return {"cpu": used, "rows": written}


def _used() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def in_own_environment(path: Path, way: str) -> dict[str, float]:
    """Runs `load` where dlt is."""
    uv = shutil.which("uv") or str(ROOT / ".lumbung/tools/uv/bin/uv")
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "ERROR",
            "DLT_DATA_DIR": folder,
        }
        there = [uv, "run", "--quiet", "--no-project", "--python", sys.executable, "--with", DLT, "python"]
        here = [__file__, "--load", str(path), "--into", folder, "--way", way]
        done = subprocess.run([*there, *here], check=True, stdout=subprocess.PIPE, text=True, env=environment)
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return said


def compare(megabytes: int, row_megabytes: int, rounds: int) -> None:
    from bench.ingest import lake_settings, said_by, write_sample

    with tempfile.TemporaryDirectory() as folder, lake_settings(Path(folder)) as settings:
        whole, part = Path(folder) / "whole.csv", Path(folder) / "part.csv"
        wanted = {"arrow": write_sample(whole, megabytes), "rows": write_sample(part, row_megabytes)}
        results: dict[str, list[float]] = {"ingest": [], "arrow": [], "rows": []}
        for _round in range(rounds):
            steps = said_by("--run", "ingest", "--paths", str(whole), str(settings))
            results["ingest"].append(steps["validate"] + steps["publish"])
            for way, path in (("arrow", whole), ("rows", part)):
                work = in_own_environment(path, way)
                if work["rows"] != wanted[way]:
                    raise SystemExit(f"dlt wrote {work['rows']} of {wanted[way]} rows")
                results[way].append(work["cpu"])
        sizes = {name: part.stat().st_size if name == "rows" else whole.stat().st_size for name in results}
    speeds = {name: sizes[name] / 1e6 / statistics.median(runs) for name, runs in results.items()}
    print(
        f"{sizes['ingest'] / 1e6:.0f} MB of CSV ({sizes['rows'] / 1e6:.0f} MB by rows), medians of {rounds}"
    )
    print(f"{'':38}{'MB per CPU s':>14}{'ingest is':>12}")
    labels = {
        "ingest": "ingest: checked and committed",
        "arrow": "dlt, Arrow: loaded",
        "rows": "dlt, rows: loaded",
    }
    for name, label in labels.items():
        print(f"{label:38}{speeds[name]:14.1f}{speeds['ingest'] / speeds[name]:11.1f}x")
    print("goal: ahead of dlt's Arrow path, 10x its path by rows")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=150)
    parser.add_argument("--row-megabytes", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=["arrow", "rows"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        print(json.dumps(load(arguments.load, arguments.into, arguments.way)))
    else:
        compare(arguments.megabytes, arguments.row_megabytes, arguments.rounds)


if __name__ == "__main__":
    main()
