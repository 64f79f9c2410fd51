"""Step 5: the same question asked by three callers."""

from treasury.main_job.intake import STEWARD
from treasury.main_job.journal import Journal, Outcome, table
from treasury.main_job.sessions import Sessions

from lumbung.errors import ApiError

__all__ = ["read_as_three"]

REGIONAL_ANALYST = "analis-kanwil-32"
QUESTION = "SELECT province_code, count(*) AS n, sum(budget) AS budget FROM apbd_panel GROUP BY province_code ORDER BY 1"
PROVINCES = 34


def read_as_three(sessions: Sessions, journal: Journal) -> Outcome:
    """Asks as a provincial office, as the head office, and as nobody."""
    regional = sessions.client(REGIONAL_ANALYST).queries.run(QUESTION)
    head_office = sessions.client(STEWARD).queries.run(QUESTION)
    seen = {
        REGIONAL_ANALYST: [row["province_code"] for row in regional.table.to_pylist()],
        STEWARD: [row["province_code"] for row in head_office.table.to_pylist()],
    }
    if seen[REGIONAL_ANALYST] != ["32"]:
        raise RuntimeError(f"{REGIONAL_ANALYST} sees the provinces {seen[REGIONAL_ANALYST]}, not 32 alone")
    if len(seen[STEWARD]) != PROVINCES:
        raise RuntimeError(f"{STEWARD} sees {len(seen[STEWARD])} provinces, not {PROVINCES}")
    withheld = regional.summary.tables[0].rows_withheld
    if not withheld:
        raise RuntimeError("the answer to the provincial office does not say that rows were withheld")
    with sessions.nobody() as nobody:
        try:
            nobody.queries.run(QUESTION)
        except ApiError as error:
            refusal = error
        else:
            raise RuntimeError("somebody without a token got an answer")
    journal.say(
        table(
            ["caller", "provinces", "answer says"],
            [
                (REGIONAL_ANALYST, ", ".join(seen[REGIONAL_ANALYST]), "rows were withheld by policy"),
                (STEWARD, f"{len(seen[STEWARD])} provinces", "complete"),
                ("nobody", "-", f"{refusal.code}: {refusal.message}"),
            ],
        )
    )
    return Outcome("province 32 alone, all, refused", sum(row["n"] for row in head_office.table.to_pylist()))
