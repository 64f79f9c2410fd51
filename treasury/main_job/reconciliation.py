"""Step 4: the Dask pipeline, and the table of differences against the national figures."""

from decimal import Decimal
from typing import Any

from treasury.main_job.intake import ENGINEER, STEWARD
from treasury.main_job.journal import Journal, Outcome, table
from treasury.main_job.sessions import Sessions

from lumbung.client import Client
from lumbung.compute.v1.pipeline_service_pb2 import Run

__all__ = ["LIMIT_PERCENT", "reconcile", "run_pipeline"]

PIPELINE = "apbd_by_province"
LIMIT_PERCENT = Decimal("0.25")
YEARS = range(2010, 2018)
TOTALS = {"APBD.REV.TOTAL": "revenue", "APBD.EXP.TOTAL": "expenditure"}
DIFFERENCES_QUERY = """
SELECT year, account_code, account, panel_budget, national_budget, panel_realisation, national_realisation,
       status, reason
FROM apbd_reconciliation
ORDER BY year, account_code
"""
_PERCENT = Decimal("0.0001")


def run_pipeline(sessions: Sessions, journal: Journal) -> tuple[Outcome, Client]:
    """Runs the pipeline as engineer; returns the client too, whose trace covers the run."""
    client = sessions.new_client(ENGINEER)
    run = client.pipelines.wait(client.pipelines.run(PIPELINE).name, timeout_seconds=300)
    for line in client.pipelines.log(run.name):
        journal.say(f"{line.level} {line.text}")
    if run.state != Run.STATE_SUCCEEDED:
        raise RuntimeError(f"{run.name} ended as {Run.State.Name(run.state)}: {run.message}")
    for expectation in run.expectations:
        journal.say(f"expectation {expectation.expectation}: {'holds' if expectation.passed else 'FAILS'}")
    written = sum(run.rows_written.values())
    return Outcome(f"{run.name}: {run.tasks_done} tasks, {run.rows_read:,} rows read", written), client


def _percent(difference: Decimal, of: Decimal) -> Decimal:
    return (difference * 100 / of).quantize(_PERCENT)


def reconcile(sessions: Sessions, journal: Journal) -> Outcome:
    """Prints the differences of the totals by year, and the accounts that cannot be reconciled with the reason."""
    client = sessions.client(STEWARD)
    found = client.queries.run(DIFFERENCES_QUERY, max_rows=10_000)
    rows = found.table.to_pylist()
    totals = {(row["year"], row["account_code"]): row for row in rows if row["account_code"] in TOTALS}
    lines, worst = [], Decimal(0)
    for year in YEARS:
        line: list[Any] = [str(year)]
        for code in TOTALS:
            row = totals[year, code]
            for figure in ("budget", "realisation"):
                difference = row[f"panel_{figure}"] - row[f"national_{figure}"]
                percent = _percent(difference, row[f"national_{figure}"])
                worst = max(worst, abs(percent))
                line.append(f"{percent:+}%")
        lines.append(line)
    header = [
        "year",
        *(f"{name} {figure}" for name in TOTALS.values() for figure in ("budget", "realisation")),
    ]
    journal.say("sum of all governments less the national table, in percent of the national table")
    journal.say(table(header, lines))
    if worst > LIMIT_PERCENT:
        raise RuntimeError(f"the largest difference is {worst}%, above {LIMIT_PERCENT}%")
    _show_unreconciled(journal, rows)
    return Outcome(f"8 of 8 years within {LIMIT_PERCENT}%, the largest difference is {worst}%", len(rows))


def _show_unreconciled(journal: Journal, rows: list[dict[str, Any]]) -> None:
    groups: dict[tuple[str, str, str], list[int]] = {}
    for row in rows:
        if row["status"] != "agrees":
            key = (row["account_code"], row["account"], row["reason"])
            groups.setdefault(key, []).append(row["year"])
    journal.say("accounts that cannot be reconciled within the limit")
    journal.say(
        table(
            ["account", "name", "years", "reason"],
            [
                (code, name[:44], f"{len(years)} of 8 ({min(years)}-{max(years)})", reason)
                for (code, name, reason), years in sorted(groups.items())
            ],
        )
        if groups
        else "none"
    )
