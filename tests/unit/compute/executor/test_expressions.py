"""The expressions of the pipeline language."""

import pytest

from compute_service.executor.expressions import check_expression


@pytest.mark.parametrize(
    "text",
    [
        "account_code LIKE 'APBD.%'",
        "abs(budget_difference) * 400 <= national_budget AND NOT (a IS NULL)",
        "CAST(a AS DOUBLE) * 100 / nullif(CAST(b AS DOUBLE), 0)",
        "CASE WHEN a IS NULL THEN 'x' WHEN b BETWEEN 1 AND 2 THEN 'y' ELSE 'z' END",
        "coalesce(a, 0) % 2 = 1 OR a IN (1, 2, 3) OR a NOT IN (4) OR -a <> 1",
        "left(code, 2) || right(code, 2) || substr(code, 1, 3) || upper(lower(code))",
        "code ~ '^[0-9]{2}$' AND starts_with(code, '1') AND length(code) = 2",
        "round(CAST(a AS DOUBLE), 2) > 1",
        "a = TRUE",
    ],
)
def test_an_expression_of_the_language_passes(text):
    check_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "sum(a)",
        "count(*)",
        "a OVER (PARTITION BY b)",
        "sum(a) OVER ()",
        "(SELECT 1)",
        "a IN (SELECT a FROM t)",
        "EXISTS (SELECT 1)",
        "a; b",
        "a AS b",
        "*",
        "t.a > 1",
        "a >",
        "",
        "pg_sleep(1)",
        "read_csv('x')",
        "random()",
        "current_timestamp",
        "a = $1",
        "a = ?",
        "x" * 20_000,
        "(" * 3000 + "a" + ")" * 3000,
    ],
    ids=lambda text: text[:30],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        check_expression(text)
