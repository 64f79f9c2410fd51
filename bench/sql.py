"""A set of SQL queries under policy against DuckDB on local Parquet: CPU seconds, interleaved, medians.

    python bench/sql.py [--rows 5000000] [--rounds 5] [--no-cache]

Ours is the engine as the local stack runs it: a process of its own, tables on S3 through Iceberg and the governed reader,
with the lake's cache of data files on the local disk, which the warming round fills as the first query of the day does;
with `--no-cache` every query reads S3. The goal is at most 2.5 times the CPU. Also shown: with a row filter and a mask.
"""

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from compute_service.domain.decisions import decision_words
from compute_service.domain.query import QueryLimits, QueryTable
from compute_service.engine.pool import ProcessPool
from compute_service.settings import QuerySettings
from lake import Lake, LakeSettings, Mask, ReadDecision, RowFilter, TableSchema, allow_all, write_parquet

from support.compute_world import lake_words
from support.servers import run_postgres, run_s3

SCHEMA = TableSchema.of(
    [
        ("province_code", "text"), ("region_code", "text"), ("region_name", "text"), ("year", "int"),
        ("account_code", "text"), ("budget", "decimal(20,0)"), ("realisation", "decimal(20,0)"),
    ]
)  # fmt: skip
QUERIES = {
    "sum by province": "SELECT province_code, sum(budget), sum(realisation) FROM fact GROUP BY 1",
    "one account by year": "SELECT year, sum(budget), count(*) FROM fact WHERE account_code = 'APBD.03' GROUP BY 1",
    "top regions": "SELECT region_name, avg(budget) FROM fact WHERE year BETWEEN 2012 AND 2013 GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
    "distinct": "SELECT count(DISTINCT region_code) FROM fact",
    "join with names": "SELECT n.name, sum(f.realisation) FROM fact f JOIN names n USING (province_code) WHERE f.year = 2015 GROUP BY 1",
    "above the year's mean": "SELECT f.year, count(*) FROM fact f JOIN (SELECT year, avg(budget) m FROM fact GROUP BY 1) a USING (year) WHERE f.budget > a.m GROUP BY 1",
}


def make_rows(rows: int) -> pl.DataFrame:
    random = np.random.default_rng(7)
    region = pl.Series(random.integers(1100, 9500, rows)).cast(pl.String)
    frame = pl.DataFrame(
        {
            "region_code": region,
            "year": random.integers(2010, 2018, rows),
            "account": random.integers(0, 50, rows),
            "budget": random.integers(0, 10**12, rows),
            "realisation": random.integers(0, 10**12, rows),
        }
    )
    return frame.select(
        pl.col("region_code").str.head(2).alias("province_code"),
        "region_code",
        pl.format("Daerah {}", "region_code").alias("region_name"),
        "year",
        pl.format("APBD.{}", pl.col("account").cast(pl.String).str.zfill(2)).alias("account_code"),
        pl.col("budget").cast(pl.Decimal(20, 0)),
        pl.col("realisation").cast(pl.Decimal(20, 0)),
    )


def names_of(frame: pl.DataFrame) -> pl.DataFrame:
    codes = frame.select(pl.col("province_code").unique().sort())
    return codes.with_columns(pl.format("Provinsi {}", "province_code").alias("name"))


def fill(lake: Lake, frame: pl.DataFrame, files: int) -> None:
    lake.create_table("fact", SCHEMA)
    writer = lake.writer("fact")
    size = -(-frame.height // files)
    parts = [
        write_parquet(lake.objects, frame.slice(i * size, size), writer.target("fill"), f"part-{i}")
        for i in range(files)
    ]
    writer.append(parts, run_id="fill")
    lake.create_table("names", TableSchema.of([("province_code", "text"), ("name", "text")]))
    lake.writer("names").append(names_of(frame), run_id="fill")


class Local:
    """DuckDB on the same rows in local Parquet files."""

    def __init__(self, folder: Path, frame: pl.DataFrame, files: int, threads: int) -> None:
        size = -(-frame.height // files)
        for number in range(files):
            part = frame.slice(number * size, size)
            part.write_parquet(folder / f"fact-{number}.parquet", compression="zstd", compression_level=1)
        names_of(frame).write_parquet(folder / "names.parquet")
        self._connection = duckdb.connect(":memory:", config={"threads": str(threads)})
        self._connection.execute(f"CREATE VIEW fact AS FROM '{folder}/fact-*.parquet'")
        self._connection.execute(f"CREATE VIEW names AS FROM '{folder}/names.parquet'")

    def run(self, sql: str) -> float:
        """CPU seconds of a query."""
        begun = _cpu()
        self._connection.sql(sql).to_arrow_table()
        return _cpu() - begun


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Ours:
    """A query process under given decisions."""

    def __init__(self, pool: ProcessPool, limits: QueryLimits, fact: ReadDecision) -> None:
        self._pool, self._limits = pool, limits
        self._decisions = {"fact": fact, "names": allow_all("names", "bench")}

    async def run(self, sql: str) -> float:
        """CPU seconds that the query's process used."""
        async with self._pool.open(self._limits) as query:
            tables, _ = await query.tables(sql)
            wanted = [QueryTable(name, decision_words(self._decisions[name])) for name in tables]
            async for part in query.run_query(sql, wanted):
                if not isinstance(part, bytes):
                    return part.cpu_seconds
        raise RuntimeError("no summary")


async def measure(lake: LakeSettings, local: Local, rounds: int, threads: int) -> None:
    settings = QuerySettings(warm=1, recycle_after=10_000, threads=threads, wall_seconds=300, cpu_seconds=300)
    limits = QueryLimits(**{name: getattr(settings, name) for name in QueryLimits.__dataclass_fields__})
    pool = ProcessPool(lake, settings, "WARNING")
    ours = Ours(pool, limits, allow_all("fact", "bench"))
    masked = ReadDecision(
        "fact",
        allowed=True,
        row_filter=RowFilter.where("province_code", "32", "33"),
        masks={"region_name": Mask.HASH},
    )
    governed = Ours(pool, limits, masked)
    print(
        f"{'query':24} {'DuckDB':>8} {'ours':>8} {'ratio':>6} {'filtered':>9}   CPU seconds, medians of {rounds}"
    )
    totals = [0.0, 0.0, 0.0]
    try:
        for sql in QUERIES.values():
            local.run(sql)
            await ours.run(sql)
        for name, sql in QUERIES.items():
            times: list[list[float]] = [[], [], []]
            for _ in range(rounds):
                times[0].append(local.run(sql))
                times[1].append(await ours.run(sql))
                times[2].append(await governed.run(sql))
            base, mine, some = (statistics.median(values) for values in times)
            totals = [totals[0] + base, totals[1] + mine, totals[2] + some]
            print(f"{name:24} {base:8.3f} {mine:8.3f} {mine / base:6.2f} {some:9.3f}")
    finally:
        await pool.stop()
    print(
        f"{'all':24} {totals[0]:8.3f} {totals[1]:8.3f} {totals[1] / totals[0]:6.2f} {totals[2]:9.3f}   goal 2.5"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    begun = time.monotonic()
    with run_postgres() as postgres, run_s3() as s3, tempfile.TemporaryDirectory() as folder:
        frame = make_rows(options.rows)
        settings = LakeSettings.model_validate(
            lake_words(postgres.create_database("lake"), s3, s3.create_bucket("lake"))
        )
        with Lake.open(settings) as lake:
            fill(lake, frame, options.files)
        if options.cache:
            settings = settings.model_copy(update={"cache_dir": Path(folder) / "cache"})
        local = Local(Path(folder), frame, options.files, options.threads)
        del frame
        asyncio.run(measure(settings, local, options.rounds, options.threads))
    print(f"{options.rows} rows, {time.monotonic() - begun:.0f} s in all")


if __name__ == "__main__":
    main()
