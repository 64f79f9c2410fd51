"""Measures expectations."""

import re

import polars as pl

from compute_service.domain.pipeline import Expectation
from compute_service.domain.runs import Outcome
from compute_service.executor.kernels import step_failure
from servicekit.errors import Text

__all__ = ["measure"]

SHOWN = 20
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def measure(frame: pl.DataFrame, expectation: Expectation) -> Outcome:
    """The outcome over a step's rows: how many were looked at, how many fail, and the first 20 in words."""
    chosen = frame.filter(pl.sql_expr(expectation.where)) if expectation.where else frame
    try:
        failing = chosen.filter(~pl.sql_expr(expectation.check).fill_null(value=False))
    except pl.exceptions.PolarsError as error:
        raise step_failure(
            expectation.id, f"the check fails: {error}", f"pemeriksaan gagal: {error}"
        ) from error
    enough = chosen.height >= expectation.min_rows
    passed = enough and failing.height == 0
    en = [f"{chosen.height - failing.height} of {chosen.height} rows hold."]
    indonesian = [f"{chosen.height - failing.height} dari {chosen.height} baris memenuhi."]
    if not enough:
        en.append(f"At least {expectation.min_rows} rows are wanted.")
        indonesian.append(f"Diperlukan sedikitnya {expectation.min_rows} baris.")
    for row in failing.head(SHOWN).iter_rows(named=True):
        en.append(_filled(expectation.message.en or expectation.message.id, row))
        indonesian.append(_filled(expectation.message.id or expectation.message.en, row))
    if failing.height > SHOWN:
        en.append(f"… and {failing.height - SHOWN} more.")
        indonesian.append(f"… dan {failing.height - SHOWN} lagi.")
    return Outcome(
        expectation.id, passed, expectation.severity, Text(en=" ".join(en), id=" ".join(indonesian))
    )


def _filled(template: str, row: dict[str, object]) -> str:
    """The template with `{column}` replaced; nothing else of a format string works here."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in row:
            return match[0]
        found = row[name]
        return f"{found:.4f}" if isinstance(found, float) else str(found)

    return _PLACE.sub(value, template)
