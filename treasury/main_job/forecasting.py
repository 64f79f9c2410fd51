"""Step 6: train a forecast on the published panel, register, deploy, predict with an unmodified client."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
from treasury.main_job.journal import Journal, Outcome, table
from treasury.main_job.sessions import Sessions
from treasury.models.next_year_realisation.backtest import METHODS
from treasury.models.next_year_realisation.features import input_matrix
from treasury.models.next_year_realisation.train import TrainedModel, train

__all__ = ["MODEL", "train_and_serve"]

MODEL = "next_year_realisation"
SCIENTIST = "ilmuwan-pusat"
PANEL_QUERY = "SELECT region_code, year, account_code, budget, realisation FROM apbd_panel"
TOLERANCE = 1e-4
_LABELS = {"model": "model", "last_year": "naive: last year's", "enacted_budget": "naive: the enacted budget"}


def _train(sessions: Sessions, journal: Journal) -> tuple[TrainedModel, str, int]:
    answer = sessions.client(SCIENTIST).queries.run(
        PANEL_QUERY,
        max_rows=1_000_000,
        purpose="training a forecast",
    )
    panel = pl.DataFrame(pl.from_arrow(answer.table))
    model = train(panel)
    journal.say(
        table(
            ["forecast", "WAPE", "median error"],
            [
                (
                    _LABELS[name],
                    f"{model.metrics[f'wape_{name}']:.2%}",
                    f"{model.metrics[f'mdape_{name}']:.2%}",
                )
                for name in METHODS
            ],
        )
    )
    return model, answer.summary.tables[0].snapshot, panel.height


def _predict(sessions: Sessions, model: TrainedModel) -> list[float]:
    """Asks through the gateway with tritonclient, in a process of its own (its messages are ours under another file)."""
    matrix = input_matrix(model.sample)
    request = {
        "url": sessions.endpoints.gateway,
        "token": sessions.token(SCIENTIST),
        "model": MODEL,
        "inputs": matrix.tolist(),
    }
    script = Path(__file__).with_name("triton_predict.py")
    finished = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if finished.returncode != 0:
        raise RuntimeError(f"tritonclient failed: {finished.stderr.strip()[-400:]}")
    answer: list[float] = json.loads(finished.stdout)
    return answer


def train_and_serve(sessions: Sessions, journal: Journal) -> Outcome:
    """Trains, registers with the snapshot it was trained on, deploys, predicts, and holds the answer against training."""
    model, snapshot, rows = _train(sessions, journal)
    client = sessions.client(SCIENTIST)
    version = client.models.register(
        MODEL,
        model.onnx,
        description="Next year's realisation per region and account",
        training_snapshots=[snapshot],
        metrics=model.metrics,
    )
    client.models.deploy(version.name)
    predicted = _predict(sessions, model)
    expected = model.sample["expected"].to_list()
    journal.say(
        table(
            ["region", "account", "year", "forecast (Rp)", "realised (Rp)"],
            [
                (
                    row["region_code"],
                    row["account_code"],
                    str(row["year"]),
                    round(value),
                    round(row["actual"]),
                )
                for row, value in zip(model.sample.to_dicts(), predicted, strict=True)
            ],
        )
    )
    for got, want in zip(predicted, expected, strict=True):
        if abs(got - want) > TOLERANCE * max(abs(want), 1.0):
            raise RuntimeError(f"the served model says {got}, the trained one {want}")
    wape, naive = model.metrics["wape_model"], model.metrics["wape_last_year"]
    return Outcome(f"{version.name} served; WAPE {wape:.2%} beside naive {naive:.2%}", rows)
