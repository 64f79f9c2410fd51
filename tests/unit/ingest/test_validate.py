"""Every kind of finding, and the order of the steps."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from ingest_service.errors import ContractError

from support.contracts import check, contract_of, rule

A = {"name": "a", "type": "text"}
N = {"name": "n", "type": "decimal(20,0)"}
K = {"name": "k", "type": "code", "key": True}


def test_texts_are_stripped_and_nothing_is_null(tmp_path):
    contract = contract_of([A | {"null_values": ["-"]}, N])
    outcome = check(tmp_path, contract, "a;n;x\n  b\u00a0 ;1;9\n-;2;9\n;3;9\n")
    assert outcome.good["a"].to_list() == ["b", None, None]
    assert outcome.report.extra_columns == ("x",)


def test_required_pattern_allowed_and_type_are_all_kept(tmp_path):
    contract = contract_of(
        [
            {"name": "k", "type": "code", "pad": 2, "pattern": "[0-9]{2}"},
            {"name": "a", "type": "text", "required": True, "allowed": ["x", "y"]},
            N,
        ]
    )
    outcome = check(tmp_path, contract, "k;a;n\n7;x;1\nabc;z;q\n07;;2\n")
    assert outcome.errors == {
        (2, "k", "pattern"),
        (2, "a", "allowed"),
        (2, "n", "type"),
        (3, "a", "required"),
    }
    assert outcome.good["k"].to_list() == ["07"]
    assert outcome.report.rows_bad == 2
    assert outcome.record(2) == {"k": "abc", "a": "z", "n": "q"}
    found = outcome.quarantine.filter(rule="allowed").row(0, named=True)
    assert found["message_en"] == "z is not among the allowed values."
    assert found["remedy_id"] == "Gunakan salah satu: x, y"
    assert found["found_time"] == datetime(2026, 11, 24, 5, tzinfo=UTC)


def test_codes_of_numbers(tmp_path):
    frame = pl.DataFrame({"k": [7600.0, 7600.5, None], "j": [1, 20, 300]})
    contract = contract_of(
        [{"name": "k", "type": "code", "pad": 6}, {"name": "j", "type": "code", "pad": 3}],
        format={"type": "parquet"},
    )
    outcome = check(tmp_path, contract, frame)
    assert outcome.good.rows() == [("007600", "001"), (None, "300")]
    assert outcome.errors == {(2, "k", "type")}


@pytest.mark.parametrize(
    ("style", "text", "value"),
    [
        ({}, "2026-01-31", date(2026, 1, 31)),
        ({"format": "dd/mm/yyyy"}, "31/01/2026", date(2026, 1, 31)),
        ({"format": "dd-mm-yyyy"}, "31-01-2026", date(2026, 1, 31)),
        ({}, "2026-02-30", None),
        ({}, "2026-1-31", None),
        ({"format": "dd/mm/yyyy"}, "2026-01-31", None),
    ],
)
def test_dates(tmp_path, style, text, value):
    contract = contract_of([{"name": "d", "type": "date", "style": style}, A])
    outcome = check(tmp_path, contract, f"d;a\n;x\n{text};x\n")
    if value is None:
        assert outcome.errors == {(2, "d", "type")}
    else:
        assert outcome.good["d"].to_list() == [None, value]


def test_timestamps_need_a_zone_and_booleans_are_words(tmp_path):
    contract = contract_of([{"name": "t", "type": "timestamp"}, {"name": "b", "type": "boolean"}])
    content = "t;b\n2026-01-31T08:00:00+07:00;true\n2026-01-31 01:00:00.25Z;0\n2026-01-31 08:00:00;ya\n"
    outcome = check(tmp_path, contract, content)
    assert outcome.good["t"].to_list() == [
        datetime(2026, 1, 31, 1, tzinfo=UTC),
        datetime(2026, 1, 31, 1, 0, 0, 250000, tzinfo=UTC),
    ]
    assert outcome.good["b"].to_list() == [True, False]
    assert outcome.errors == {(3, "t", "type"), (3, "b", "type")}


def test_map_and_unmapped(tmp_path):
    contract = contract_of(
        [A | {"map": {"x": "1", "y": "2"}}, N | {"source": "a", "map": {"x": "1", "y": "2"}}]
    )
    outcome = check(tmp_path, contract, "a\nx\n y \nz\n")
    assert outcome.good.rows() == [("1", Decimal(1)), ("2", Decimal(2))]
    assert outcome.errors == {(3, "a", "unmapped"), (3, "n", "unmapped")}


def test_carry_goes_on_from_block_to_block(tmp_path):
    head = {"name": "h", "type": "text", "carry": {"from": "a", "values": ["H1", "H2"]}}
    full = {"name": "f", "type": "code", "derive": "h || ':' || a"}
    lines = ["x", "H1", *[f"v{i}" for i in range(400)], "H2", *[f"w{i}" for i in range(400)]]
    outcome = check(tmp_path, contract_of([A, head, full]), "a\n" + "\n".join(lines), block_bytes=1000)
    wanted = [None] + ["H1"] * 401 + ["H2"] * 401
    assert outcome.good["h"].to_list() == wanted
    assert outcome.good["f"][-1] == "H2:w399"


def test_derived_values_are_shown_as_made(tmp_path):
    derived = {"name": "d", "type": "code", "derive": "a || '!'", "map": {"x!": "1"}}
    outcome = check(tmp_path, contract_of([A, derived]), "a\nx\ny\n")
    assert outcome.quarantine.select("rule", "value").rows() == [("unmapped", "y!")]


def test_rows_with_a_wrong_number_of_fields(tmp_path):
    body = "".join(f"{i};x\n" for i in range(1, 300))
    broken = body.replace("\n100;x\n", "\n100\n").replace("\n200;x\n", "\n200;x;y\n\n")
    contract = contract_of([N, A], provenance={"row": "row", "submission": "s"})
    outcome = check(tmp_path, contract, "n;a\n" + broken, block_bytes=500)
    assert outcome.errors == {(100, "", "fields"), (200, "", "fields")}
    assert outcome.report.rows_read == 299
    # Every row knows its own number in the file.
    assert (outcome.good["n"].cast(pl.Int64) == outcome.good["row"]).all()


def test_quoted_line_ends_and_delimiters(tmp_path):
    outcome = check(tmp_path, contract_of([A, N]), 'a;n\n"x;\ny";1\n"q""z";2\n')
    assert outcome.good["a"].to_list() == ["x;\ny", 'q"z']


def test_simple_rules_and_severities(tmp_path):
    contract = contract_of(
        [N, A],
        rules=[
            rule("positive", "n > 0", column="n"),
            rule("odd_name", "a <> 'w'", severity="warning", when="n < 100"),
        ],
    )
    outcome = check(tmp_path, contract, "n;a\n1;x\n-1;x\n;x\n2;w\n200;w\n")
    assert outcome.errors == {(2, "n", "positive")}
    assert outcome.good.height == 4
    assert outcome.counts == {"positive": 1, "odd_name": 1}
    assert outcome.kept.select("source_row", "rule", "severity").rows() == [(4, "odd_name", "warning")]
    assert outcome.quarantine["message_id"].to_list() == ["Salah -1"]


def test_a_fatal_rule_publishes_nothing(tmp_path):
    contract = contract_of(
        [N], rules=[rule("stop", "n < 10", severity="fatal", column="n"), rule("low", "n > 1")]
    )
    outcome = check(tmp_path, contract, "n\n1\n5\n50\n")
    assert outcome.report.rejected
    assert outcome.fatal == ["stop"]
    assert outcome.report.fatal[0].row == 3
    assert outcome.good is None
    assert outcome.quarantine is None
    assert set(outcome.kept["rule"]) == {"stop", "low"}
    assert outcome.report.control_totals == {}


@pytest.mark.parametrize(("policy", "gone"), [("quarantine", {1, 3, 4}), ("keep_first", {3, 4})])
def test_repeated_keys(tmp_path, policy, gone):
    contract = contract_of([K, N], key={"on_repeat": policy})
    outcome = check(tmp_path, contract, "k;n\na;1\nb;2\na;3\na;4\na;bad\n")
    assert outcome.errors == {*((row, "k", "key_repeated") for row in gone), (5, "n", "type")}
    assert outcome.quarantine.filter(rule="key_repeated")["value"].unique().to_list() == ["a"]
    assert outcome.record(3) == {"k": "a", "n": "3"}


def test_lets_see_rows_without_an_error_only(tmp_path):
    share = rule(
        "share",
        "n * 2 <= total AND rows < 5",
        column="n",
        let={"total": {"by": ["a"], "agg": "sum(n)"}, "rows": {"by": [], "agg": "count(*)"}},
        message={"id": "{n} dari {total}", "en": "{n} of {total} in {rows}"},
    )
    contract = contract_of([K, A, N], rules=[rule("cap", "n < 1000"), share])
    content = "k;a;n\n1;x;10\n2;x;10\n3;x;5\n4;x;5000\n5;;1\n5;y;2\n"
    outcome = check(tmp_path, contract, content)
    # 5000 and the repeated key are gone before the sums are made.
    assert outcome.errors == {(4, "", "cap"), (5, "k", "key_repeated"), (6, "k", "key_repeated")}
    outcome = check(tmp_path, contract, "k;a;n\n1;x;10\n2;x;1\n3;;4\n4;;4\n")
    assert outcome.errors == {(1, "n", "share")}
    assert outcome.quarantine["message_en"].to_list() == ["10 of 11 in 4"]
    assert outcome.quarantine["message_id"].to_list() == ["10 dari 11"]


def test_two_rules_with_a_let_of_one_name(tmp_path):
    first = rule(
        "low",
        "total > 1",
        let={"total": {"by": ["a"], "agg": "sum(n)"}},
        message={"id": "{total}", "en": "{total}"},
    )
    second = rule(
        "few",
        "total > 2",
        let={"total": {"by": [], "agg": "count(*)"}},
        message={"id": "{total}", "en": "{total}"},
    )
    outcome = check(
        tmp_path, contract_of([A, N], rules=[first, second, rule("none", "n > 0")]), "a;n\nx;1\ny;5\n"
    )
    assert outcome.report.rejected
    assert outcome.fatal == ["no_good_row"]
    assert set(outcome.kept.select("source_row", "rule", "message_en").rows()) == {
        (0, "no_good_row", "None of the 2 rows of the file can be published."),
        (1, "low", "1"),
        (1, "few", "2"),
        (2, "few", "2"),
    }


def test_control_totals_and_replaced_values(tmp_path):
    contract = contract_of(
        [{"name": "y", "type": "integer", "required": True}, N, A],
        control_totals=[
            {"id": "all", "sum": "n"},
            {"id": "x", "sum": "n", "where": "a = 'x'", "by": ["y", "a"]},
        ],
        publish={"mode": "replace", "by": ["y"]},
    )
    outcome = check(tmp_path, contract, "y;n;a\n1;10;x\n1;;x\n2;30;z\n2;5;x\nbad;7;x\n")
    assert outcome.report.control_totals == {"rows": "4", "all": "45", "x/1/x": "10", "x/2/x": "5"}
    assert outcome.report.replaced == (("1",), ("2",))


def test_temporary_columns_serve_rules_and_are_not_stored(tmp_path):
    contract = contract_of(
        [A, N, {"name": "tmp", "type": "text", "derive": "upper(a)", "temporary": True}],
        rules=[rule("few", "c > 1", let={"c": {"by": ["tmp"], "agg": "count(*)"}})],
        provenance={"row": "row", "submission": "s"},
    )
    outcome = check(tmp_path, contract, "a;n\nx;1\nX;2\ny;3\n")
    assert outcome.good.columns == ["a", "n", "row", "s"]
    assert outcome.good.rows() == [("x", Decimal(1), 1, "s1"), ("X", Decimal(2), 2, "s1")]
    assert outcome.errors == {(3, "", "few")}


def test_warnings_are_counted_beyond_what_is_kept(tmp_path):
    contract = contract_of([N], rules=[rule("w", "n < 0", severity="warning")])
    content = "n\n" + "1\n" * 50
    outcome = check(tmp_path, contract, content, kept_findings=7, block_bytes=20)
    assert outcome.kept.height == 7
    assert outcome.counts == {"w": 50}
    assert outcome.report.kept_cut == 43
    assert outcome.good.height == 50


def test_good_rows_come_in_parts_with_field_ids(tmp_path):
    outcome = check(tmp_path, contract_of([N]), "n\n" + "1\n" * 1000, part_rows=300, block_bytes=200)
    assert [part.rows >= 300 for part in outcome.report.good[:-1]] == [True] * (len(outcome.report.good) - 1)
    assert len(outcome.report.good) > 2


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"columns": [A | {"pattern": "(x"}]}, "pattern (a)"),
        ({"columns": [A], "rules": [rule("r", "a > 5")]}, "r ()"),
        ({"columns": [A, {"name": "d", "type": "text", "derive": "a +"}]}, "columns (d)"),
        (
            {"columns": [A], "rules": [rule("r", "x > 'a'", let={"x": {"by": ["a"], "agg": "count(*)"}})]},
            "rules (r)",
        ),
        (
            {"columns": [N], "control_totals": [{"id": "t", "sum": "n", "where": "n = 1 AND"}]},
            "control_totals (t)",
        ),
    ],
)
def test_a_contract_that_does_not_compile_says_where(tmp_path, changes, place):
    columns = changes.pop("columns")
    with pytest.raises(ContractError) as caught:
        check(tmp_path, contract_of(columns, **changes), "a;n\nx;1\n")
    assert place in caught.value.message.en
