import pytest

from lake import Condition, RowFilter, allow_all, deny, system_decision


def test_where_and_also_make_a_conjunction() -> None:
    row_filter = RowFilter.where("province", "32").also("year", 2016, 2017)
    assert row_filter.conditions == (
        Condition("province", frozenset({"32"})),
        Condition("year", frozenset({2016, 2017})),
    )
    assert row_filter.columns == {"province", "year"}
    assert not row_filter.is_nothing


def test_nothing_has_no_columns() -> None:
    assert RowFilter.nothing().is_nothing
    assert RowFilter.nothing().columns == frozenset()
    assert RowFilter.where("province").is_nothing


def test_deny_and_allow() -> None:
    assert deny("budget", "no role").allowed is False
    assert allow_all("budget", "open data").reasons == ("open data",)


def test_system_decision_names_its_run() -> None:
    assert system_decision("budget", run_id="r1").reasons == ("system:r1",)
    with pytest.raises(ValueError, match="run_id"):
        system_decision("budget", run_id="")


def test_a_decision_cannot_be_changed() -> None:
    decision = allow_all("budget", "x")
    with pytest.raises(AttributeError):
        decision.allowed = False  # type: ignore[misc]
    with pytest.raises(TypeError):
        decision.masks["a"] = 1  # type: ignore[index]
