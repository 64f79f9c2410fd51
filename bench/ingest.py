"""CSV → validated → committed, against Polars' own CSV → Parquet with the same types. Share of raw speed per CPU-second.

    uv run python bench/ingest.py [--megabytes 150] [--rounds 5] [--parts]

Runs against throw-away PostgreSQL and S3. Both sides run in processes of their own, interleaved; times are medians.
CPU is user and system time: for Polars without loading it; for ingest of storing 4 MiB chunks, fetching them, the whole
validating process with its fork, and the commit. Left out is what starts once and stays (the service with its fork server,
after a small file), PostgreSQL and S3.
"""

# ruff: noqa: PLC0415, ASYNC240 - each process loads only what its side needs
import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest_service.executor.validator import ProcessValidator
    from lake import Lake

PIECE_ROWS = 2_000_000
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

DECLARATION = """
kind: Dataset
name: bench
display_name: {id: Uji, en: Bench}
description: {id: Uji kecepatan, en: Speed test}
owner: steward-pusat
tags: [intake]
contract:
  version: 1
  format: {type: csv, delimiter: ";"}
  columns:
    - {name: region_code, source: Kode, type: code, pad: 4, required: true, pattern: "[1-9][0-9]{3}"}
    - {name: year, source: Tahun, type: integer, required: true}
    - {name: number, source: Nomor, type: integer, key: true}
    - {name: account, source: Uraian, type: text, required: true}
    - {name: paid_on, source: Tanggal, type: date}
    - {name: budget, source: Anggaran, type: "decimal(20,0)", required: true}
    - {name: realisation, source: Realisasi, type: "decimal(20,0)", required: true}
  provenance: {row: source_row, submission: submission}
  rules:
    - id: budget_negative
      severity: error
      column: budget
      check: "budget >= 0"
      message: {id: "Anggaran {value} negatif.", en: "The budget {value} is negative."}
      remedy: {id: Periksa tanda., en: Check the sign.}
  control_totals:
    - {id: budget, sum: budget, by: [year]}
  publish: {mode: overwrite}
"""


def write_sample(path: Path, megabytes: int) -> int:
    """A file of about this size, a piece at a time; how many rows."""
    import numpy as np
    import polars as pl

    rows = megabytes * 13_600
    random = np.random.default_rng(17)
    names = ["Belanja Pegawai", "Belanja Barang dan Jasa", "Belanja Modal", "Pendapatan Asli Daerah"]
    with path.open("wb") as file:
        for start in range(0, rows, PIECE_ROWS):
            count = min(PIECE_ROWS, rows - start)
            days = np.datetime64("2024-01-01") + random.integers(0, 365, count)
            pl.DataFrame(
                {
                    "Kode": random.integers(1000, 9999, count),
                    "Tahun": random.integers(2010, 2026, count),
                    "Nomor": np.arange(start, start + count),
                    "Uraian": random.choice(names, count),
                    "Tanggal": pl.Series(days).cast(pl.Date),
                    "Anggaran": random.integers(1000, 10**12, count),
                    "Realisasi": random.integers(1000, 10**12, count),
                }
            ).write_csv(file, separator=";", include_header=start == 0)
    return rows


def raw(source: Path, target: Path) -> dict[str, float]:
    """What Polars does with the same columns and types, unchecked, on local files; CPU seconds and seconds."""
    import polars as pl

    before, start = time.process_time(), time.perf_counter()
    money = pl.Decimal(20, 0)
    columns = {
        "Kode": pl.String(),
        "Tahun": pl.Int64(),
        "Nomor": pl.Int64(),
        "Uraian": pl.String(),
        "Tanggal": pl.Date(),
        "Anggaran": money,
        "Realisasi": money,
    }
    frame = pl.scan_csv(source, separator=";", schema=columns)
    frame.sink_parquet(target, compression="zstd", compression_level=1)
    return {"cpu": time.process_time() - before, "seconds": time.perf_counter() - start}


async def ingest(source: Path, settings_file: Path) -> dict[str, float]:
    """Everything that the service does with a file, in this process and the validating one.

    A small file goes first: what is loaded at the first file and stays belongs to the start of the service.
    """
    from ingest_service.executor.validator import ProcessValidator
    from ingest_service.settings import ValidationSettings
    from lake import Lake, LakeSettings

    validator = ProcessValidator(ValidationSettings())
    await validator.start()
    with Lake.open(LakeSettings.model_validate_json(settings_file.read_text())) as lake:
        small = source.with_name("small.csv")
        with source.open("rb") as stream:
            small.write_bytes(b"".join(next(stream) for _line in range(1000)))
        await _process(small, lake, validator)
        steps = await _process(source, lake, validator)
    # The kernel tells of the validating process when the fork server, its parent, has ended.
    await validator.close()
    steps["peak MiB"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return steps


async def _process(source: Path, lake: "Lake", validator: "ProcessValidator") -> dict[str, float]:
    """One file; CPU seconds by step, and what else is reported."""
    import google_crc32c

    from ingest_service.domain.contract import parse_declaration
    from ingest_service.domain.names import new_id
    from ingest_service.domain.upload import Chunk
    from ingest_service.engine.job import ValidationJob
    from ingest_service.storage.objects import ObjectChunkStore
    from ingest_service.storage.tables import LakeTableStore

    steps: dict[str, float] = {}
    chunks, tables = ObjectChunkStore(lake.objects), LakeTableStore(lake)
    declaration, submission, stored, total, offset = parse_declaration(DECLARATION), new_id(), [], 0, 0
    before, start = cpu_seconds(), time.perf_counter()
    with source.open("rb") as stream:
        while data := stream.read(4 * 2**20):
            crc = google_crc32c.value(data)
            total = google_crc32c.extend(total, data)
            stored.append(await chunks.put_chunk(submission, Chunk(offset, data, crc)))
            offset += len(data)
    steps["store chunks"], before = cpu_seconds() - before, cpu_seconds()
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "file", Path(folder) / "out"
        out.mkdir()
        await chunks.assemble(stored, file)
        steps["fetch"], before = cpu_seconds() - before, cpu_seconds()
        field_ids, quarantine_ids = await tables.field_ids(declaration)
        job = ValidationJob(
            file=file,
            out=out,
            dataset="bench",
            submission=submission,
            contract=declaration.contract,
            field_ids=field_ids,
            quarantine_ids=quarantine_ids,
            found_time="2026-11-24T00:00:00.000000+00:00",
        )
        report = await validator.validate(job)
        steps["validate"], before = cpu_seconds() - before, cpu_seconds()
        await tables.publish(declaration, report, submission, {})
        steps["publish"] = cpu_seconds() - before
    steps["seconds"] = time.perf_counter() - start
    await chunks.delete_chunks(submission)
    steps["rows"] = report.rows_good
    return steps


def cpu_seconds() -> float:
    """CPU seconds so far of this process, of the fork server, and of what the fork server's children have used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    server = int(Path(f"/proc/self/task/{os.getpid()}/children").read_text())
    ticks = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[11:15]
    return used.ru_utime + used.ru_stime + sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def said_by(*arguments: str) -> dict[str, float]:
    """What a process of this file printed."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    said: dict[str, float] = json.loads(done.stdout)
    return said


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", action="store_true", help="print the CPU of each step")
    parser.add_argument("--run", choices=["raw", "ingest"], help=argparse.SUPPRESS)
    parser.add_argument("--paths", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run == "raw":
        print(json.dumps(raw(*arguments.paths)))
    elif arguments.run == "ingest":
        print(json.dumps(asyncio.run(ingest(*arguments.paths))))
    else:
        compare(arguments.megabytes, arguments.rounds, parts=arguments.parts)


@contextmanager
def lake_settings(folder: Path) -> Iterator[Path]:
    """A file with the settings of a lake on throw-away servers."""
    from support.servers import run_postgres, run_s3

    with run_postgres() as postgres, run_s3() as s3:
        database = postgres.create_database("lake")
        settings = {
            "postgres": {
                "port": database.port,
                "database": database.database,
                "user": database.user,
                "password": database.password,
            },
            "s3": {
                "endpoint": s3.endpoint,
                "access_key": s3.access_key,
                "secret_key": s3.secret_key,
                "bucket": s3.create_bucket(),
            },
        }
        file = folder / "lake.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(settings))
        yield file


def compare(megabytes: int, rounds: int, *, parts: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, lake_settings(Path(folder)) as settings_file:
        sample, target = Path(folder) / "sample.csv", Path(folder) / "raw.parquet"
        rows = write_sample(sample, megabytes)
        results: dict[str, list[float]] = {"raw": [], "checked": [], "committed": [], "all": []}
        steps: dict[str, float] = {}
        peak = 0.0
        said_by("--run", "raw", "--paths", str(sample), str(target))
        for _round in range(rounds):
            work = said_by("--run", "raw", "--paths", str(sample), str(target))
            results["raw"].append(work["cpu"])
            steps = said_by("--run", "ingest", "--paths", str(sample), str(settings_file))
            work = {name: steps.pop(name) for name in ("rows", "peak MiB", "seconds")}
            total = sum(steps.values())
            results["checked"].append(steps["validate"] + steps["publish"])
            results["committed"].append(total - steps["store chunks"])
            results["all"].append(total)
            peak = max(peak, work["peak MiB"])
            if work["rows"] != rows:
                raise SystemExit(f"{work['rows']} of {rows} rows were published")
        report(sample.stat().st_size / 1e6, rows, results, steps, peak, parts=parts)


def report(
    size: float,
    rows: int,
    results: dict[str, list[float]],
    steps: dict[str, float],
    peak: float,
    *,
    parts: bool,
) -> None:
    print(f"{size:.0f} MB of CSV, {rows:,} rows, medians of {len(results['raw'])}")
    print(f"{'':38}{'CPU s':>8}{'MB per CPU s':>14}{'share of raw':>14}")
    medians = {name: statistics.median(runs) for name, runs in results.items()}
    labels = {
        "raw": "Polars CSV to Parquet",
        "checked": "validated, committed",
        "committed": "the same with fetching the chunks",
        "all": "and with storing the upload",
    }
    for name, label in labels.items():
        share = medians["raw"] / medians[name]
        print(f"{label:38}{medians[name]:8.2f}{size / medians[name]:14.0f}{share:14.0%}")
    print("goal: 70% validated and committed, for 1 GB (--megabytes 1000)")
    print(f"peak memory of the validating process: {peak:.0f} MiB (goal below 1,024)")
    if parts:
        for name, value in steps.items():
            print(f"  {name:32}{value:8.2f}")


if __name__ == "__main__":
    main()
