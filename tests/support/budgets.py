"""A small panel of local budgets whose every amount tells where it came from."""

from decimal import Decimal
from pathlib import Path

import polars as pl

from lake import TableSchema, write_parquet

TREASURY = Path(__file__).parents[2] / "treasury"
PANEL = TableSchema.of(
    [
        ("province_code", "text"),
        ("province", "text"),
        ("region_code", "text"),
        ("region_name", "text"),
        ("year", "int"),
        ("account_code", "text"),
        ("account", "text"),
        ("budget", "decimal(20,0)"),
        ("realisation", "decimal(20,0)"),
        ("submission", "text"),
    ]
)
NATIONAL = TableSchema.of(
    [
        ("year", "int"),
        ("account_code", "text"),
        ("account", "text"),
        ("budget", "decimal(20,0)"),
        ("realisation", "decimal(20,0)"),
    ]
)
PROVINCES, REGIONS, YEARS = range(11, 45), range(6), range(2010, 2018)
ACCOUNTS = ("APBD.REV.TOTAL", "APBD.EXP.TOTAL", "TKDD.X")


def panel_rows():
    """4,896 rows; every amount tells where it came from."""
    rows = [
        (
            str(province), f"Provinsi {province}", f"{province}{region:02}", f"Daerah {province}{region:02}", year,
            account, f"Akun {account}", Decimal(10**12 + province * 1000 + region), Decimal(10**11 + region), "s-1",
        )
        for year in YEARS for province in PROVINCES for region in REGIONS for account in ACCOUNTS
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=PANEL.to_polars(), orient="row")


def national_rows(panel):
    """What the panel sums up to."""
    amounts = [pl.col(name).sum().cast(pl.Decimal(20, 0)) for name in ("budget", "realisation")]
    chosen = panel.filter(pl.col("account_code").str.starts_with("APBD"))
    return chosen.group_by("year", "account_code", "account").agg(amounts)


def fill(world, files=48):
    """Creates and fills the tables, the panel in many files of one commit."""
    for dataset in ("apbd_panel", "apbd_national", "apbd_by_province", "apbd_reconciliation"):
        world.catalog.declarations[dataset] = (TREASURY / "datasets" / f"{dataset}.yaml").read_text()
    panel = panel_rows()
    world.lake.create_table("apbd_panel", PANEL)
    world.lake.create_table("apbd_national", NATIONAL)
    writer = world.lake.writer("apbd_panel")
    size = -(-panel.height // files)
    written = [
        write_parquet(
            world.lake.objects, panel.slice(number * size, size), writer.target("fill"), f"part-{number:04}"
        )
        for number in range(files)
    ]
    writer.append(written, run_id="fill")
    world.lake.writer("apbd_national").append(national_rows(panel), run_id="fill")
    return panel
