"""The forecaster: gradient-boosted trees on the growth of a realisation over last year's."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from treasury.models.next_year_realisation.features import (
    BUDGET_POSITION,
    LEVEL_POSITION,
    Matrix,
    model_features,
)

GROWTH_LIMIT = 2.0
"""Largest growth learnt or forecast, as a natural logarithm: a factor of about 7.4 either way."""


@dataclass(frozen=True)
class Forecaster:
    """Fitted trees; `predict` turns inputs into rupiah."""

    trees: Any

    def predict(self, inputs: Matrix) -> Matrix:
        """Forecast realisation in rupiah, shape (rows,); the enacted budget where last year is unknown."""
        last_year = inputs[:, LEVEL_POSITION]
        growth = np.clip(self.trees.predict(model_features(inputs)), -GROWTH_LIMIT, GROWTH_LIMIT)
        forecast: Matrix = np.where(last_year > 0, last_year * np.exp(growth), inputs[:, BUDGET_POSITION])
        return forecast


def fit(inputs: Matrix, actual: Matrix, *, iterations: int = 200) -> Forecaster:
    """Fits on rows whose last year and outcome are positive.

    Rows weigh by the square root of last year's amount: the error that counts is in rupiah, but the
    many small regions must not vanish beside the few large ones.

    Raises:
        ValueError: fewer than 100 usable rows.
    """
    usable = (inputs[:, LEVEL_POSITION] > 0) & (actual > 0)
    if usable.sum() < 100:  # noqa: PLR2004 - below that the leaves of 40 rows mean nothing
        raise ValueError(
            f"only {int(usable.sum())} rows have last year's and this year's realisation; 100 are needed"
        )
    base = inputs[usable, LEVEL_POSITION]
    growth = np.clip(np.log(actual[usable] / base), -GROWTH_LIMIT, GROWTH_LIMIT)
    trees = HistGradientBoostingRegressor(
        loss="absolute_error",
        learning_rate=0.05,
        max_iter=iterations,
        max_leaf_nodes=15,
        min_samples_leaf=40,
        early_stopping=False,
        random_state=0,
    )
    trees.fit(model_features(inputs[usable]), growth, sample_weight=np.sqrt(base))
    return Forecaster(trees)
