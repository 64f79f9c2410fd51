import pytest

from ingest_service.domain.contract import parse_declaration
from ingest_service.errors import ContractError

GOOD = """
kind: Dataset
name: t
display_name: {id: a, en: b}
description: {id: a, en: b}
owner: steward-pusat
contract:
  version: 1
  format: {type: csv}
  columns:
    - {name: a, type: "decimal(20,0)"}
    - {name: b, type: text, required: true}
  rules:
    - id: r
      severity: error
      let: {total: {by: [b], agg: sum(a)}}
      check: "total > a"
      message: {id: "x {total}", en: "x {value}"}
      remedy: {id: x, en: x}
  publish: {mode: replace, by: [b]}
"""


def test_a_declaration_is_read():
    contract = parse_declaration(GOOD).contract
    assert [column.name for column in contract.columns] == ["a", "b"]
    assert contract.columns[0].column_type.precision == 20
    assert contract.publish.by == ("b",)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("required: true", "requred: true", "contract.columns[1].requred"),
        ("severity: error", "severity: bad", "contract.rules[0].severity"),
        ("decimal(20,0)", "decimal(50,0)", "contract.columns[0].type"),
        ("decimal(20,0)", "float", "contract.columns[0].type"),
        ("total > a", "total > z", "there is no column z"),
        ("total > a", "total > (SELECT 1)", "SELECT is not part"),
        ("sum(a)", "sum(a) OVER (b)", "OVER is not part"),
        ("sum(a)", "variance(a)", "variance is not known"),
        ("total > a", "CAST(a AS DOUBLE) > 1", "CAST AS DOUBLE"),
        ("total > a", "a > 1; DROP", "has no meaning"),
        ("total > a", "sum(a) > 1", "sum is not known"),
        ("by: [b], agg", "by: [c], agg", "there is no column c"),
        ("{total}", "{totl}", "{totl} is no column"),
        ("mode: replace, by: [b]", "mode: replace", "publish"),
        ("mode: replace, by: [b]", "mode: replace, by: [a]", "publish.by: a"),
        ("name: b", "name: a", "a is declared twice"),
        ("id: r", "id: required", "built in"),
        ("version: 1", "version: 2", "contract.version"),
        ("kind: Dataset", "kind: Dataset\nkind: Dataset", "given twice"),
        ("owner: steward-pusat", "owner: &x y", "owner"),
        ("{type: csv}", "{type: csv, encoding: klingon}", "contract.format.encoding"),
    ],
)
def test_a_wrong_place_is_named(old, new, place):
    text = GOOD.replace(old, new)
    if place == "owner":
        text = text.replace("display_name: {id: a, en: b}", "display_name: *x")
        place = "anchors"
    with pytest.raises(ContractError) as caught:
        parse_declaration(text)
    assert place in caught.value.message.en
    assert place in caught.value.message.id
