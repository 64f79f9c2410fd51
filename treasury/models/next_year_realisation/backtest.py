"""Rolling-origin backtest: forecast each year with what was known before it, beside two naive forecasts."""

import numpy as np
import polars as pl
from treasury.models.next_year_realisation.features import input_matrix
from treasury.models.next_year_realisation.forecaster import fit

METHODS = ("model", "last_year", "enacted_budget")


def backtest(rows: pl.DataFrame, *, origins: int = 4, iterations: int = 200) -> pl.DataFrame:
    """Forecasts of the last `origins` years that have outcomes, each by a model fitted on earlier years only.

    Args:
        rows: from `forecast_rows`.
        origins: number of target years.
        iterations: boosting rounds.

    Returns:
        region_code, account_code, year, actual, and a forecast per method of METHODS, in rupiah. `last_year` repeats last
        year's realisation; `enacted_budget` is the target year's budget, or last year's realisation where there is none.
        All methods are judged on the same rows: those with a known last year.
    """
    known = rows.filter(pl.col("actual").is_not_null() & (pl.col("realisation_last_year") > 0))
    parts = []
    for year in sorted(known["year"].unique().to_list())[-origins:]:
        past, target = known.filter(pl.col("year") < year), known.filter(pl.col("year") == year)
        forecaster = fit(input_matrix(past), past["actual"].to_numpy(), iterations=iterations)
        inputs = input_matrix(target)
        parts.append(
            target.select(
                "region_code",
                "account_code",
                "year",
                "actual",
                pl.Series("model", forecaster.predict(inputs)),
                pl.col("realisation_last_year").alias("last_year"),
                pl.when(pl.col("budget_target_year") > 0)
                .then("budget_target_year")
                .otherwise("realisation_last_year")
                .alias("enacted_budget"),
            )
        )
    return pl.concat(parts)


def errors(forecasts: pl.DataFrame, *, by: str | None = None) -> pl.DataFrame:
    """Per method: `wape_*` (sum of absolute errors over sum of outcomes) and `mdape_*` (median absolute error over outcome).

    Both are fractions. `by` adds a row per value of that column; without it there is one row.
    """
    wape = [
        ((pl.col(name) - pl.col("actual")).abs().sum() / pl.col("actual").sum()).alias(f"wape_{name}")
        for name in METHODS
    ]
    positive = pl.col("actual") > 0
    mdape = [
        ((pl.col(name) - pl.col("actual")).abs() / pl.col("actual"))
        .filter(positive)
        .median()
        .alias(f"mdape_{name}")
        for name in METHODS
    ]
    measures = [pl.len().alias("rows"), *wape, *mdape]
    return forecasts.select(measures) if by is None else forecasts.group_by(by).agg(measures).sort(by)


def metrics(forecasts: pl.DataFrame) -> dict[str, float]:
    """The errors as a flat map for the registry: over all rows, and `wape_model/<account>` with its naive rivals."""
    overall = {name: float(value) for name, value in errors(forecasts).row(0, named=True).items()}
    for row in errors(forecasts, by="account_code").iter_rows(named=True):
        overall |= {f"wape_{name}/{row['account_code']}": float(row[f"wape_{name}"]) for name in METHODS}
    return {name: value for name, value in overall.items() if np.isfinite(value)}
