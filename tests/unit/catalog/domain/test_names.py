"""Resource names."""

import pytest

from catalog_service.domain.names import (
    TableName,
    asset_dataset,
    check_asset,
    parse_dataset,
    parse_snapshot,
    parse_table,
)
from catalog_service.errors import ResourceNameInvalidError


def test_names_are_parsed():
    assert parse_dataset("datasets/a_1") == "a_1"
    assert parse_snapshot("datasets/a/snapshots/0123") == ("a", "0123")
    assert parse_table("datasets/a") == TableName("lake", "a")
    assert parse_table("quarantines/a") == TableName("quarantine", "a")
    assert asset_dataset("quarantines/a") == asset_dataset("datasets/a/snapshots/1") == "a"
    assert asset_dataset("files/a") is None
    assert check_asset("models/m/versions/1", "asset") == "models/m/versions/1"


@pytest.mark.parametrize(
    "name",
    ["", "a", "datasets/", "datasets/A", "datasets/a/b", "datasets/a\n", "x/a", "datasets/" + "a" * 64],
)
@pytest.mark.parametrize("parse", [parse_dataset, parse_table, parse_snapshot])
def test_other_forms_are_refused(parse, name):
    with pytest.raises(ResourceNameInvalidError):
        parse(name)


@pytest.mark.parametrize(
    "name", ["", "files", "files/", "files/a b", "Files/a", "a/" + "b/" * 9, "files/a\x00"]
)
def test_no_asset(name):
    with pytest.raises(ResourceNameInvalidError):
        check_asset(name, "asset")
