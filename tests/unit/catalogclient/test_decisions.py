import pytest

from catalogclient.decisions import decision_from_proto
from lake import Mask
from lumbung.catalog.v1 import policy_service_pb2 as pb


def test_a_decision_in_the_lakes_words():
    decision = decision_from_proto(
        pb.AccessDecision(
            resource="datasets/apbd",
            allowed=True,
            row_filter=[pb.RowCondition(column="province", values=["32", "33"])],
            masks=[pb.ColumnMask(column="nik", kind="hash")],
            denied_columns=["secret"],
            reasons=["office"],
            policy_version="v7",
            ask="data-owner",
        )
    )
    assert decision.allowed
    assert (decision.resource, decision.ask, decision.read.dataset) == ("datasets/apbd", "data-owner", "apbd")
    assert decision.read.masks == {"nik": Mask("hash")}
    assert decision.read.denied_columns == {"secret"}
    [condition] = decision.read.row_filter.conditions
    assert (condition.column, condition.values) == ("province", {"32", "33"})


def test_a_condition_without_values_lets_no_row_pass():
    decision = decision_from_proto(
        pb.AccessDecision(resource="datasets/a", allowed=True, row_filter=[pb.RowCondition(column="office")])
    )
    assert decision.read.row_filter.conditions[0].values == frozenset()


def test_an_unknown_mask_hides_the_column():
    decision = decision_from_proto(
        pb.AccessDecision(resource="datasets/a", masks=[pb.ColumnMask(column="c", kind="blur")])
    )
    assert decision.read.masks == {}
    assert decision.read.denied_columns == {"c"}


@pytest.mark.parametrize(("resource", "table"), [("datasets/a", "a"), ("quarantines/a", "quarantine.a")])
def test_resources_name_tables(resource, table):
    decision = decision_from_proto(pb.AccessDecision(resource=resource))
    assert decision.read.dataset == table
    assert not decision.allowed
