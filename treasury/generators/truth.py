"""True figures of the generated governments: whole rupiah, parts that add up, budgets that are missed or exceeded."""

import numpy as np
import polars as pl
from treasury.generators.accounts import (
    EXPENDITURE,
    EXPENDITURE_BRANCHES,
    FINANCING,
    FINANCING_BRANCHES,
    REVENUE,
    REVENUE_BRANCHES,
    Branch,
)
from treasury.generators.regions import Region, regions

YEARS = range(2010, 2018)
TYPICAL_REVENUE = 7e11
"""Revenue of a regency of size 1 in 2010, rupiah."""

Amounts = tuple[int, int]
Line = tuple[str, str, Amounts]


def true_panel(rng: np.random.Generator) -> pl.DataFrame:
    """One row per government, year and account.

    Columns: province_code, province, region_code, region, year, account_code, account, budget, realisation (int64, rupiah; net
    financing may be negative).
    """
    records = []
    for region in regions():
        level = TYPICAL_REVENUE * region.size * float(rng.lognormal(0, 0.15))
        for year in YEARS:
            level *= float(rng.lognormal(0.09, 0.04))
            records += [
                (region.province_code, region.province, region.code, region.name, year, code, name, *amounts)
                for code, name, amounts in _government_year(rng, region, level)
            ]
    columns = ["province_code", "province", "region_code", "region", "year", "account_code", "account"]
    return pl.DataFrame(records, schema=[*columns, "budget", "realisation"], orient="row")


def _government_year(rng: np.random.Generator, region: Region, level: float) -> list[Line]:
    own = 0.4 if region.code % 100 == 0 else 0.12
    revenue = _side(rng, REVENUE, REVENUE_BRANCHES, (own, 0.8 - own, 0.2), level, 1.04)
    expenditure = _side(rng, EXPENDITURE, EXPENDITURE_BRANCHES, (0.52, 0.48), level * 1.05, 0.95)
    financing = _side(rng, FINANCING, FINANCING_BRANCHES, (0.85, 0.15), level * 0.12, 1.1)
    # Net financing is receipts less payments, not their sum; some governments pay back more than they receive.
    if rng.random() < 0.05:  # noqa: PLR2004 - a share
        financing = [
            (code, name, (amounts[0] // 9, amounts[1] // 9)) if ".REV." in code else (code, name, amounts)
            for code, name, amounts in financing
        ]
        financing = _resum(financing, "APBD.FIN.REV.")
    by_code = {code: amounts for code, _, amounts in financing}
    receipts, payments = by_code["APBD.FIN.REV.SUM"], by_code["APBD.FIN.EXP.SUM"]
    net = (receipts[0] - payments[0], receipts[1] - payments[1])
    return [*revenue, *expenditure, (*FINANCING, net), *financing[1:]]


def _resum(lines: list[Line], prefix: str) -> list[Line]:
    parts = [amounts for code, _, amounts in lines if code.startswith(prefix) and not code.endswith(".SUM")]
    total = (sum(budget for budget, _ in parts), sum(realisation for _, realisation in parts))
    return [(code, name, total if code == f"{prefix}SUM" else amounts) for code, name, amounts in lines]


def _side(
    rng: np.random.Generator,
    total: tuple[str, str],
    branches: tuple[Branch, ...],
    shares: tuple[float, ...],
    level: float,
    absorption: float,
) -> list[Line]:
    """The total, then each branch's sum and parts; sums are made of the parts, so they agree to the rupiah."""
    lines: list[Line] = []
    whole = np.zeros(2, dtype=np.int64)
    for branch, share in zip(branches, shares, strict=True):
        weights = np.array([part[2] for part in branch.parts]) * rng.lognormal(0, 0.2, len(branch.parts))
        budget = (weights / weights.sum() * share * level).astype(np.int64)
        realisation = (budget * absorption * rng.lognormal(0, 0.06, len(budget))).astype(np.int64)
        sums = np.array([budget.sum(), realisation.sum()])
        whole += sums
        lines.append((branch.code, branch.name, (int(sums[0]), int(sums[1]))))
        lines += [
            (code, name, (int(b), int(r)))
            for (code, name, _), b, r in zip(branch.parts, budget, realisation, strict=True)
        ]
    return [(*total, (int(whole[0]), int(whole[1]))), *lines]
