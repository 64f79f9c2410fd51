"""Trains the forecast of next year's realisation and writes what the model registry wants.

    python -m treasury.models.next_year_realisation.train --panel panel.parquet --output out/

writes `model.onnx`, `signature.json`, `metrics.json`, `backtest.json` and `sample.json` into `out/`.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from treasury.models.next_year_realisation.backtest import METHODS, backtest, errors, metrics
from treasury.models.next_year_realisation.features import ACCOUNTS, INPUTS, forecast_rows, input_matrix
from treasury.models.next_year_realisation.forecaster import fit
from treasury.models.next_year_realisation.onnx_graph import to_onnx_bytes

SIGNATURE: dict[str, Any] = {
    "inputs": [{"name": "inputs", "datatype": "FP64", "shape": [-1, len(INPUTS)], "columns": list(INPUTS)}],
    "outputs": [{"name": "realisation", "datatype": "FP64", "shape": [-1, 1], "unit": "IDR"}],
    "accounts": list(ACCOUNTS),
}
"""Names, Open Inference datatypes and shapes; -1 is a free length."""


@dataclass(frozen=True)
class TrainedModel:
    """What training yields.

    onnx: the graph's bytes. metrics: errors of the backtest as fractions, model and naive side by side. by_year and
    by_account: the same as tables. sample: rows to try the served model with (keys, INPUTS, `expected` in rupiah).
    """

    onnx: bytes
    metrics: dict[str, float]
    by_year: pl.DataFrame
    by_account: pl.DataFrame
    sample: pl.DataFrame


def train(
    panel: pl.DataFrame, *, origins: int = 4, iterations: int = 200, sample_rows: int = 8
) -> TrainedModel:
    """Backtests, then fits on all years.

    Args:
        panel: region_code, year, account_code, budget, realisation; one row per key, amounts in rupiah.
        origins: target years of the backtest, the last ones.
        iterations: boosting rounds.
        sample_rows: rows of the sample, from the last year with outcomes.

    Raises:
        ValueError: a column is missing, a key repeats, or there are too few years.
    """
    rows = forecast_rows(panel)
    known = rows.filter(pl.col("actual").is_not_null() & (pl.col("realisation_last_year") > 0))
    forecasts = backtest(rows, origins=origins, iterations=iterations)
    forecaster = fit(input_matrix(known), known["actual"].to_numpy(), iterations=iterations)
    sample = (
        known.filter((pl.col("year") == pl.col("year").max()) & (pl.col("budget_target_year") > 0))
        .sort("region_code", "account_code")
        .head(sample_rows)
    )
    return TrainedModel(
        onnx=to_onnx_bytes(forecaster),
        metrics=metrics(forecasts),
        by_year=errors(forecasts, by="year"),
        by_account=errors(forecasts, by="account_code"),
        sample=sample.with_columns(pl.Series("expected", forecaster.predict(input_matrix(sample)))),
    )


def write(model: TrainedModel, folder: Path) -> None:
    """Writes the five files; the folder is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.onnx)
    documents = {
        "signature": SIGNATURE,
        "metrics": model.metrics,
        "backtest": {"by_year": model.by_year.to_dicts(), "by_account": model.by_account.to_dicts()},
        "sample": {
            "keys": model.sample.select("region_code", "account_code", "year").to_dicts(),
            "inputs": input_matrix(model.sample).tolist(),
            "expected": model.sample["expected"].to_list(),
        },
    }
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Train the forecast of next year's realisation.")
    parser.add_argument("--panel", type=Path, required=True, help="published panel as Parquet")
    parser.add_argument("--output", type=Path, required=True, help="folder for the results")
    arguments = parser.parse_args()
    model = train(pl.read_parquet(arguments.panel))
    write(model, arguments.output)
    for name in METHODS:
        print(
            f"{name:15} WAPE {model.metrics[f'wape_{name}']:7.2%}  median {model.metrics[f'mdape_{name}']:7.2%}"
        )


if __name__ == "__main__":
    main()
