"""Datasets from declarations, and declarations from tables."""

import pytest
import yaml

from catalog_service.domain.dataset import declaration_of_table, parse_dataset_declaration
from catalog_service.domain.glossary import parse_glossary_term
from catalog_service.errors import DeclarationInvalidError

from support.catalog_server import TREASURY

GOOD = {
    "kind": "Dataset",
    "name": "a",
    "display_name": {"id": "i", "en": "e"},
    "description": {"id": "i", "en": "e"},
    "owner": "o",
    "tags": ["t"],
    "contract": {"version": 1, "columns": [{"name": "x", "type": "text"}]},
}


def parse(**changes):
    document = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return parse_dataset_declaration(yaml.safe_dump(document))[0]


def columns(*listed, **more):
    return {"contract": {"version": 1, "columns": list(listed)} | more}


@pytest.mark.parametrize("path", sorted((TREASURY / "datasets").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_treasurys_datasets_are_read(path):
    dataset, _document = parse_dataset_declaration(path.read_text())
    assert dataset.dataset == path.stem
    assert dataset.columns


@pytest.mark.parametrize("path", sorted((TREASURY / "glossary").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_treasurys_terms_are_read(path):
    term, _document = parse_glossary_term(path.read_text())
    assert term.term == path.stem


def test_temporary_columns_are_not_stored_and_provenance_comes_last():
    made = parse(
        **columns(
            {"name": "x", "type": "text", "temporary": True},
            {"name": "y", "type": "decimal(20,0)", "key": True, "tags": ["t"], "unit": "IDR"},
            provenance={"row": "source_row", "submission": "submission"},
        )
    )
    assert [(column.name, column.type) for column in made.columns] == [
        ("y", "decimal(20,0)"),
        ("source_row", "integer"),
        ("submission", "text"),
    ]
    assert (made.columns[0].key, made.columns[0].tags, made.columns[0].unit) == (True, ("t",), "IDR")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"ownr": "x"}, "ownr"),
        ({"owner": None}, "owner"),
        ({"owner": 7}, "owner"),
        ({"tags": "t"}, "tags"),
        ({"tags": ["t", 1]}, "tags"),
        ({"display_name": {"id": "i"}}, "display_name.en"),
        ({"description": {"id": "i", "en": "e", "fr": "f"}}, "description.fr"),
        ({"contract": None}, "contract"),
        ({"contract": {"version": 2}}, "contract.version"),
        ({"contract": {"version": True}}, "contract.version"),
        (columns(), "contract.columns"),
        (columns({"name": "x", "type": "text", "temporary": True}), "contract.columns"),
        (columns({"name": "x", "type": "text"}, {"name": "x", "type": "date"}), "contract.columns"),
        (columns({"name": "X", "type": "text"}), "contract.columns[0].name"),
        (columns({"name": "x", "type": "float"}), "contract.columns[0].type"),
        (columns({"name": "x"}), "contract.columns[0].type"),
        (columns({"name": "x", "type": "text", "key": "yes"}), "contract.columns[0].key"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(changes, where):
    with pytest.raises(DeclarationInvalidError) as caught:
        parse(**changes)
    assert caught.value.metadata["where"] == where


def test_a_table_becomes_a_declaration():
    text = declaration_of_table(
        "made_here", [("a", "int", "A"), ("b", "timestamptz", ""), ("c", "decimal(38,0)", "")], ["t"], "", "o"
    )
    dataset, _document = parse_dataset_declaration(text)
    assert [(c.name, c.type, c.description.id) for c in dataset.columns] == [
        ("a", "integer", "A"),
        ("b", "timestamp", ""),
        ("c", "decimal(38,0)", ""),
    ]
    assert (dataset.owner, dataset.tags, dataset.display_name.en) == ("o", ("t",), "made here")


def test_a_table_of_floats_is_no_dataset():
    with pytest.raises(DeclarationInvalidError):
        declaration_of_table("a", [("x", "double", "")], [], "", "o")
