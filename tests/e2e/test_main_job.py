"""The main job ends well, and running it again changes no table."""

from support.mainjob import row_counts, run_main_job

# Steps whose rows are a property of the data; others count what grows with every run (audit entries, lineage).
STABLE = (
    "1 sign in, load content",
    "2 upload raw tables",
    "3 what validation found",
    "4a Dask pipeline",
    "4b reconciliation",
    "5 one question, three callers",
)


def test_it_ends_well_twice_with_the_same_rows(loaded_stack, first_run):
    first = first_run or run_main_job(loaded_stack)
    before = row_counts(loaded_stack)
    second = run_main_job(loaded_stack)
    assert [line["step"] for line in first] == [line["step"] for line in second]
    assert all(line["passed"] for line in [*first, *second])
    rows = {line["step"]: line["rows"] for line in second}
    assert {step: rows[step] for step in STABLE} == {
        line["step"]: line["rows"] for line in first if line["step"] in STABLE
    }
    assert all(rows[step] for step in STABLE)
    # Of every dataset, also of those that other tests have made since a first run.
    assert rows["8 row counts"] == sum(before.values())
    assert row_counts(loaded_stack) == before
