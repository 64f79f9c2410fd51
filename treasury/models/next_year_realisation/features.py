"""What the forecast looks at, and how it is computed from the panel.

A row is one region and account in a target year. Everything in it is known when the target year begins: earlier
realisations, earlier budgets and the target year's enacted budget. Amounts are rupiah as float64: a forecast is an
estimate, unlike the tables themselves, which stay decimal.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

ACCOUNTS = (
    "APBD.REV.TOTAL",
    "APBD.REV.OWN.SUM",
    "APBD.REV.TRA.SUM",
    "APBD.REV.OTH.SUM",
    "APBD.EXP.TOTAL",
    "APBD.EXP.IND.SUM",
    "APBD.EXP.IND.CIV",
    "APBD.EXP.DIR.SUM",
    "APBD.EXP.DIR.GDS",
    "APBD.EXP.DIR.CAP",
)
"""Accounts that are forecast; a row's `account` is the position in this list."""

INPUTS = (
    "account",
    "is_province",
    "realisation_last_year",
    "realisation_two_years_ago",
    "budget_target_year",
    "budget_last_year",
    "budget_two_years_ago",
)
"""Columns of the model's input tensor, in order; an unknown amount is 0."""

PANEL_COLUMNS = ("region_code", "year", "account_code", "budget", "realisation")

_RATIOS = (
    ("budget_target_year", "realisation_last_year"),
    ("realisation_last_year", "realisation_two_years_ago"),
    ("realisation_last_year", "budget_last_year"),
    ("realisation_two_years_ago", "budget_two_years_ago"),
    ("budget_target_year", "budget_last_year"),
    ("budget_last_year", "budget_two_years_ago"),
)
RATIO_POSITIONS = tuple((INPUTS.index(top), INPUTS.index(bottom)) for top, bottom in _RATIOS)
LEVEL_POSITION = INPUTS.index("realisation_last_year")
BUDGET_POSITION = INPUTS.index("budget_target_year")

Matrix = npt.NDArray[np.float64]


def forecast_rows(panel: pl.DataFrame) -> pl.DataFrame:
    """One row per region, forecast account and target year, with the inputs and the outcome.

    Args:
        panel: PANEL_COLUMNS; amounts in rupiah, one row per region, year and account.

    Returns:
        region_code, account_code, year (the target year), INPUTS as float64, and `actual`: the realisation, null in the
        year after the panel's last, which is there when its budget is unknown too (0).

    Raises:
        ValueError: a column is missing, or a key repeats (totals rows were not taken out).
    """
    missing = [name for name in PANEL_COLUMNS if name not in panel.columns]
    if missing:
        raise ValueError(f"the panel lacks {', '.join(missing)}; it has {', '.join(panel.columns)}")
    amounts = panel.filter(pl.col("account_code").is_in(ACCOUNTS)).select(
        "region_code",
        "account_code",
        pl.col("year").cast(pl.Int64),
        pl.col("budget").cast(pl.Float64),
        pl.col("realisation").cast(pl.Float64),
    )
    key = ["region_code", "account_code", "year"]
    if amounts.select(key).is_duplicated().any():
        raise ValueError(
            "region_code, account_code and year repeat; use the published panel, not the raw file"
        )
    rows = amounts.select(key)
    if amounts.height:
        last_year = amounts.filter(pl.col("year") == pl.col("year").max())
        rows = pl.concat([rows, last_year.select("region_code", "account_code", pl.col("year") + 1)])
    for column, years in (
        ("realisation_last_year", 1),
        ("realisation_two_years_ago", 2),
        ("budget_target_year", 0),
        ("budget_last_year", 1),
        ("budget_two_years_ago", 2),
        ("actual", 0),
    ):
        source = "budget" if column.startswith("budget") else "realisation"
        earlier = amounts.select(*key[:2], pl.col("year") + years, pl.col(source).alias(column))
        rows = rows.join(earlier, on=key, how="left")
    return rows.with_columns(
        pl.col("account_code")
        .replace_strict({code: position for position, code in enumerate(ACCOUNTS)}, return_dtype=pl.Float64)
        .alias("account"),
        pl.col("region_code").str.ends_with("00").cast(pl.Float64).alias("is_province"),
        pl.col(name for name in INPUTS[2:]).fill_null(0.0),
    ).select(*key, *INPUTS, "actual")


def input_matrix(rows: pl.DataFrame) -> Matrix:
    """INPUTS of the rows, float64, shape (rows, 7): what a caller sends to the model."""
    return rows.select(INPUTS).to_numpy().astype(np.float64)


def model_features(inputs: Matrix) -> npt.NDArray[np.float32]:
    """What the trees see, shape (rows, 9): account, is_province, log level, logs of six ratios; nan where unknown.

    The ONNX graph computes the same from the same inputs.
    """
    known = np.where(inputs > 0, inputs, np.nan)
    columns = [inputs[:, 0], inputs[:, 1], np.log(known[:, LEVEL_POSITION])]
    columns += [np.log(known[:, top] / known[:, bottom]) for top, bottom in RATIO_POSITIONS]
    return np.stack(columns, axis=1).astype(np.float32)
