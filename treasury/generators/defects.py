"""What a scrape of the portal makes of the true figures; each defect is one that the real tables have."""

import polars as pl
from treasury.generators.accounts import TRANSFERS

TOTAL = "APBD.REV.TOTAL"
YOUNG = (1602, 5302, 7402)
"""Regencies that the portal knows from 2014 on, and shows transfers for before."""
MISPLACED = 7602
"""Regency for whose years before 2014 the portal shows the whole nation."""
COPIED = 3502
"""Regency whose 2017 repeats 2016."""
MISSING = (9402, 2010)
"""Government and year that is left out of the panel."""
WITHOUT_BUDGET = (1202, 3302)
"""Regencies whose 2015 budget never came in; the national table lacks it too."""
FIRST_YEAR = 2014


def reported(truth: pl.DataFrame) -> pl.DataFrame:
    """What governments reported to the nation: none before they existed, and two without a budget in 2015."""
    no_budget = pl.col("region_code").is_in(WITHOUT_BUDGET) & (pl.col("year") == 2015)  # noqa: PLR2004
    return truth.filter(~_not_founded()).with_columns(
        pl.when(no_budget).then(0).otherwise(pl.col("budget")).alias("budget")
    )


def damage(truth: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """The panel with its defects (amounts as doubles), and the number of findings per rule of its contract."""
    # The portal prints net financing without its sign.
    amounts = pl.col("budget", "realisation").cast(pl.Float64).abs()
    panel = reported(truth).with_columns(amounts)
    panel = _copy_year(
        panel.filter(~((pl.col("region_code") == MISSING[0]) & (pl.col("year") == MISSING[1])))
    )
    early = truth.filter(_not_founded()).with_columns(amounts)
    aggregates = _province_totals(panel)
    transfers = _transfers_only(early.filter(pl.col("region_code").is_in(YOUNG)))
    nation = _nation_in_place_of_region(panel, early.filter(pl.col("region_code") == MISPLACED))
    repeated = transfers.filter(pl.struct("region_code", "year", "account_code").is_duplicated()).height
    planted = {
        "aggregate_row": aggregates.height,
        "key_repeated": repeated,
        "region_year_without_budget": transfers.height - repeated,
        "region_year_implausible": nation.height,
        # The copied year and its model, and the years that all show the same nation.
        "year_copied": 2 + nation["year"].n_unique(),
        "realisation_without_budget": 2 * len(WITHOUT_BUDGET),
        "rounded_half_even": int((nation["realisation"] % 1 != 0).sum()),
    }
    everything = pl.concat([panel, aggregates, transfers, nation])
    return everything.sort("province_code", "region_code", "year", maintain_order=True), planted


def _not_founded() -> pl.Expr:
    return pl.col("region_code").is_in([*YOUNG, MISPLACED]) & (pl.col("year") < FIRST_YEAR)


def _copy_year(panel: pl.DataFrame) -> pl.DataFrame:
    copied = panel.filter((pl.col("region_code") == COPIED) & (pl.col("year") == 2016)).with_columns(  # noqa: PLR2004
        pl.lit(2017, dtype=pl.Int64).alias("year")
    )
    rest = panel.filter(~((pl.col("region_code") == COPIED) & (pl.col("year") == 2017)))  # noqa: PLR2004
    return pl.concat([rest, copied])


def _province_totals(panel: pl.DataFrame) -> pl.DataFrame:
    """A row "Semua pemda" per province, year and account, coded as region 99."""
    by = ["province_code", "province", "year", "account_code", "account"]
    sums = panel.group_by(by, maintain_order=True).agg(pl.col("budget", "realisation").sum())
    return sums.with_columns(
        (pl.col("province_code") * 100 + 99).alias("region_code"), pl.lit("Semua pemda").alias("region")
    ).select(panel.columns)


def _transfers_only(panel: pl.DataFrame) -> pl.DataFrame:
    """Transfer rows instead of a budget, the same in every year."""
    totals = panel.filter(pl.col("account_code") == TOTAL)
    rows = [
        totals.with_columns(
            pl.lit(code).alias("account_code"),
            pl.lit(name).alias("account"),
            (pl.col("budget").first().over("region_code") * share).round().alias("budget"),
            (pl.col("budget").first().over("region_code") * share * 0.1).round().alias("realisation"),
        )
        for (code, name), share in zip(TRANSFERS, (0.9, 0.8, 0.5, 0.1), strict=True)
    ]
    return pl.concat(rows)


def _nation_in_place_of_region(panel: pl.DataFrame, early: pl.DataFrame) -> pl.DataFrame:
    """The nation's last year, its realisation with half rupiah, as one regency's early years."""
    last = panel.filter(pl.col("year") == pl.col("year").max())
    sums = last.group_by("account_code").agg(pl.col("budget", "realisation").sum())
    return (
        early.drop("budget", "realisation")
        .join(sums, on="account_code", how="left", maintain_order="left")
        .with_columns(pl.col("realisation") + 0.5)
        .select(panel.columns)
    )
