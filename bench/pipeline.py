"""The declared pipeline on Dask against plain Polars on local Parquet: CPU seconds, interleaved, medians.

    python bench/pipeline.py [--rows 4000000] [--rounds 3]

Ours is the real path: tasks on two Dask workers (processes), tables on S3, intermediate objects, one commit per sink;
counted is the CPU of the workers, the scheduler and this process (which plans and commits). The declaration's text is
made before: a service has it in its store. Plain Polars reads local Parquet, does the same steps in one process and
writes local Parquet. The goal is at most 2 times the CPU.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from compute_service.domain.decisions import decision_words
from compute_service.domain.runs import Run, RunState
from compute_service.executor.dask_executor import DaskExecutor
from compute_service.executor.expressions import check_expression
from compute_service.executor.run_tables import LakeRunTables
from compute_service.service.runner import RunLimits, Runner
from compute_service.settings import DaskSettings
from compute_service.storage.memory import MemoryRunStore
from lake import Lake, LakeSettings, allow_all, write_parquet

from support.budgets import NATIONAL, PANEL, TREASURY
from support.compute_world import ComputeWorld, lake_words, write_certificates
from support.servers import free_ports, run_postgres, run_s3

PIPELINE = TREASURY / "pipelines" / "apbd_by_province.yaml"


def make_panel(rows: int) -> pl.DataFrame:
    random = np.random.default_rng(7)
    region = pl.Series("region_code", random.integers(1100, 4500, rows)).cast(pl.String)
    frame = pl.DataFrame(
        {
            "region_code": region,
            "year": random.integers(2010, 2018, rows),
            "account": random.integers(0, 46, rows),
            "budget": random.integers(0, 10**12, rows),
            "realisation": random.integers(0, 10**12, rows),
        }
    )
    number = pl.col("account").cast(pl.String).str.zfill(2)
    code = (
        pl.when(pl.col("account") > 40)
        .then(pl.format("TKDD.{}", number))
        .otherwise(pl.format("APBD.{}", number))
    )
    return frame.select(
        pl.col("region_code").str.head(2).alias("province_code"),
        pl.format("Provinsi {}", pl.col("region_code").str.head(2)).alias("province"),
        "region_code",
        pl.format("Daerah {}", "region_code").alias("region_name"),
        "year",
        code.alias("account_code"),
        pl.format("Akun {}", number).alias("account"),
        pl.col("budget").cast(pl.Decimal(20, 0)),
        pl.col("realisation").cast(pl.Decimal(20, 0)),
        pl.lit("s-1").alias("submission"),
    )


def make_national(panel: pl.DataFrame) -> pl.DataFrame:
    amounts = [pl.col(name).sum().cast(pl.Decimal(20, 0)) for name in ("budget", "realisation")]
    return panel.group_by("year", "account_code", "account").agg(amounts)


class Catalog:
    """Knows the sinks' declarations; hears nothing."""

    async def get_dataset(self, dataset: str) -> Any:
        """A declaration."""

        class Facts:
            declaration = (TREASURY / "datasets" / f"{dataset}.yaml").read_text()

        return Facts()

    async def record_snapshot(self, *_args: Any, **_fields: Any) -> None:
        """Nothing."""

    async def record_lineage(self, *_args: Any, **_fields: Any) -> None:
        """Nothing."""


def plain(folder: Path) -> None:
    """The same pipeline written by hand."""
    panel = pl.scan_parquet(folder / "panel-*.parquet").filter(
        pl.col("account_code").str.starts_with("APBD.")
    )
    by_province = (
        panel.group_by("province_code", "year", "account_code")
        .agg(
            pl.col("province", "account").max(),
            pl.col("budget", "realisation").sum(),
            pl.len().cast(pl.Int64).alias("governments"),
        )
        .sort("province_code", "year", "account_code")
        .collect(engine="streaming")
    )
    by_year = by_province.group_by("year", "account_code").agg(
        pl.col("account").max(),
        pl.col("budget").sum().alias("panel_budget"),
        pl.col("realisation").sum().alias("panel_realisation"),
        pl.col("governments").sum(),
    )
    national = pl.read_parquet(folder / "national.parquet").rename({"budget": "national_budget"})
    compared = by_year.join(national, on=["year", "account_code"], how="full", coalesce=True)
    compared = compared.with_columns(difference=pl.col("panel_budget") - pl.col("national_budget"))
    by_province.write_parquet(folder / "out-1.parquet")
    compared.write_parquet(folder / "out-2.parquet")


def cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def declaration() -> str:
    """The pipeline's text, without expectations: made-up rows do not hold them."""
    document = yaml.safe_load(PIPELINE.read_text())
    document["expectations"] = []
    return yaml.safe_dump(document)


async def ours(lake: Lake, world: ComputeWorld, name: str, text: str) -> None:
    runs = MemoryRunStore()
    datasets = ("apbd_panel", "apbd_national")
    run = Run(
        pipeline="apbd_by_province", run=name, state=RunState.PENDING, revision=1, declaration=text,
        creator="bench", create_time=datetime.now(UTC),
        decisions={item: decision_words(allow_all(item, "bench")) for item in datasets},
    )  # fmt: skip
    await runs.create_run(run)
    folder = world.folder
    executor = DaskExecutor(
        DaskSettings(
            scheduler=f"tls://127.0.0.1:{world.ports['scheduler']}", ca=folder / "ca.pem", cert=folder / "cert.pem",
            key=folder / "key.pem", connect_seconds=60,
        )
    )  # fmt: skip
    catalog: Any = Catalog()
    await Runner(runs, LakeRunTables(lake), catalog, executor, check_expression, RunLimits()).execute_run(
        name
    )
    ended = await runs.get_run(name)
    if ended is None or ended.state is not RunState.SUCCEEDED:
        raise RuntimeError(f"the run did not succeed: {ended and ended.message.en}")


def measure(lake: Lake, world: ComputeWorld, folder: Path, rounds: int) -> None:
    cluster = [psutil.Process(process.pid) for process in world.processes.values()]
    me = psutil.Process(os.getpid())
    text = declaration()
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        begun = cpu([me])
        plain(folder)
        base = cpu([me]) - begun
        begun = cpu([me, *cluster])
        asyncio.run(ours(lake, world, f"bench-{number}", text))
        mine = cpu([me, *cluster]) - begun
        if number:  # the first round warms both
            times[0].append(base)
            times[1].append(mine)
    base, mine = statistics.median(times[0]), statistics.median(times[1])
    print(
        f"plain Polars {base:.2f} CPU-s, pipeline on Dask {mine:.2f} CPU-s, ratio {mine / base:.2f} (goal 2)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=8)
    options = parser.parse_args()
    begun = time.monotonic()
    with run_postgres() as postgres, run_s3() as s3, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = lake_words(postgres.create_database("lake"), s3, s3.create_bucket("lake"))
        write_certificates(folder)
        panel = make_panel(options.rows)
        national = make_national(panel)
        size = -(-options.rows // options.files)
        with Lake.open(LakeSettings.model_validate(words)) as lake:
            for dataset, schema in (("apbd_panel", PANEL), ("apbd_national", NATIONAL)):
                lake.create_table(dataset, schema)
            writer = lake.writer("apbd_panel")
            parts = []
            for number in range(options.files):
                part = panel.slice(number * size, size)
                part.write_parquet(
                    folder / f"panel-{number}.parquet", compression="zstd", compression_level=1
                )
                parts.append(write_parquet(lake.objects, part, writer.target("fill"), f"part-{number}"))
            writer.append(parts, run_id="fill")
            national.write_parquet(folder / "national.parquet")
            lake.writer("apbd_national").append(national, run_id="fill")
            del panel, national
            ports = dict(zip(("scheduler", "service", "metrics"), free_ports(3), strict=True))
            database = postgres.create_database("unused")
            world = ComputeWorld(folder, lake, words, None, None, database, ports)  # type: ignore[arg-type]
            try:
                world.start("scheduler", "worker-1", "worker-2")
                measure(lake, world, folder, options.rounds)
            finally:
                world.stop()
    print(f"{options.rows} rows, {time.monotonic() - begun:.0f} s in all")


if __name__ == "__main__":
    main()
