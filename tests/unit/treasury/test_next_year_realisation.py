import json

import numpy as np
import onnxruntime
import polars as pl
import pytest
from treasury.models.next_year_realisation.backtest import METHODS, backtest, errors
from treasury.models.next_year_realisation.features import (
    ACCOUNTS,
    INPUTS,
    forecast_rows,
    input_matrix,
    model_features,
)
from treasury.models.next_year_realisation.forecaster import fit
from treasury.models.next_year_realisation.train import SIGNATURE, train, write

REALISATION = INPUTS.index("realisation_last_year")
BUDGET = INPUTS.index("budget_target_year")


@pytest.fixture(scope="module")
def rows(published_panel):
    return forecast_rows(published_panel)


@pytest.fixture(scope="module")
def model(published_panel):
    return train(published_panel, origins=2, iterations=60)


@pytest.fixture(scope="module")
def session(model):
    return onnxruntime.InferenceSession(model.onnx, providers=["CPUExecutionProvider"])


def panel_of(amounts: list[tuple[int, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(
        [("3201", year, ACCOUNTS[0], budget, realisation) for year, budget, realisation in amounts],
        schema=["region_code", "year", "account_code", "budget", "realisation"],
        orient="row",
    )


def test_rows_look_back_and_never_forward():
    found = forecast_rows(panel_of([(2010, 10, 11), (2011, 20, 21), (2012, 30, 31)])).sort("year")
    assert found["year"].to_list() == [2010, 2011, 2012, 2013]
    assert found.filter(pl.col("year") == 2012).row(0)[3:] == (0.0, 0.0, 21.0, 11.0, 30.0, 20.0, 10.0, 31.0)
    assert found.filter(pl.col("year") == 2013).row(0)[3:] == (0.0, 0.0, 31.0, 21.0, 0.0, 30.0, 20.0, None)


def test_the_outcome_of_a_year_is_not_among_its_inputs(published_panel, rows):
    last = pl.col("year") == published_panel["year"].max()
    changed = published_panel.with_columns(
        pl.when(last).then(pl.col("realisation") * 3).otherwise(pl.col("realisation")).alias("realisation")
    )
    key = ["region_code", "account_code", "year"]
    before = rows.filter(last).sort(key)
    after = forecast_rows(changed).filter(last).sort(key)
    assert before.select(INPUTS).equals(after.select(INPUTS))
    assert not before["actual"].equals(after["actual"])


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="lacks realisation"):
        forecast_rows(panel_of([(2010, 1, 1)]).drop("realisation"))


def test_a_repeated_key_is_refused():
    with pytest.raises(ValueError, match="repeat"):
        forecast_rows(panel_of([(2010, 1, 1), (2010, 1, 1)]))


def test_too_few_rows_are_refused():
    found = forecast_rows(panel_of([(2010, 1, 1), (2011, 1, 1)])).drop_nulls("actual")
    with pytest.raises(ValueError, match="only 1 rows"):
        fit(input_matrix(found), found["actual"].to_numpy())


def test_unknown_amounts_become_nan_features():
    inputs = np.zeros((1, len(INPUTS)))
    features = model_features(inputs)
    assert np.isnan(features[0, 2:]).all()
    assert not np.isnan(features[0, :2]).any()


def test_backtest_judges_every_method_on_the_same_rows(rows):
    forecasts = backtest(rows, origins=2, iterations=20)
    assert sorted(forecasts["year"].unique().to_list()) == [2016, 2017]
    assert forecasts.select(METHODS).null_count().row(0) == (0, 0, 0)
    assert errors(forecasts)["rows"].item() == forecasts.height


def test_wape_by_hand():
    forecasts = pl.DataFrame(
        {
            "actual": [100.0, 300.0],
            "model": [110.0, 300.0],
            "last_year": [0.0, 0.0],
            "enacted_budget": [100.0, 340.0],
        }
    )
    found = errors(forecasts).row(0, named=True)
    assert found["wape_model"] == pytest.approx(0.025)
    assert found["wape_last_year"] == pytest.approx(1.0)
    assert found["mdape_enacted_budget"] == pytest.approx(0.2 / 3)


def test_backtest_does_not_learn_from_the_year_it_forecasts(rows):
    # If the last year's outcomes leaked into its own fit, spoiling them would change the forecast.
    spoiled = rows.with_columns(
        pl.when(pl.col("year") == 2017)
        .then(pl.col("actual") * 0.5)
        .otherwise(pl.col("actual"))
        .alias("actual")
    )
    first, second = (backtest(table, origins=1, iterations=20)["model"] for table in (rows, spoiled))
    assert first.equals(second)


def test_model_beats_both_naive_forecasts_on_generated_data(model):
    assert (
        model.metrics["wape_model"] < model.metrics["wape_enacted_budget"] < model.metrics["wape_last_year"]
    )
    assert model.by_year["year"].to_list() == [2016, 2017]
    assert model.by_account.height == len(ACCOUNTS)


def test_onnx_agrees_with_the_fitted_trees(session, model):
    found = session.run(None, {"inputs": input_matrix(model.sample)})[0]
    assert found.shape == (model.sample.height, 1)
    np.testing.assert_allclose(found[:, 0], model.sample["expected"].to_numpy(), rtol=1e-5)


def test_onnx_signature_is_the_declared_one(session):
    types = {"FP64": "tensor(double)"}
    for declared, tensor in zip(
        [*SIGNATURE["inputs"], *SIGNATURE["outputs"]],
        [*session.get_inputs(), *session.get_outputs()],
        strict=True,
    ):
        assert (declared["name"], types[declared["datatype"]]) == (tensor.name, tensor.type)
        assert declared["shape"][1] == tensor.shape[1]
    properties = session.get_modelmeta().custom_metadata_map
    assert json.loads(properties["accounts"]) == list(ACCOUNTS)


def test_onnx_answers_the_budget_where_last_year_is_unknown(session):
    inputs = np.zeros((2, len(INPUTS)))
    inputs[0, BUDGET] = 5e11
    inputs[1, REALISATION] = 5e11
    found = session.run(None, {"inputs": inputs})[0][:, 0]
    assert found[0] == 5e11
    assert 0 < found[1] < 5e11 * np.exp(2.01)


def test_training_twice_gives_the_same_file(published_panel, model):
    assert train(published_panel, origins=2, iterations=60).onnx == model.onnx


def test_written_files_can_be_read_back(model, tmp_path):
    write(model, tmp_path / "out")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics == model.metrics
    sample = json.loads((tmp_path / "out" / "sample.json").read_text(encoding="utf-8"))
    assert np.array(sample["inputs"]).shape == (8, len(INPUTS))
    assert (tmp_path / "out" / "model.onnx").read_bytes() == model.onnx
