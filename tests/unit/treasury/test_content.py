"""The declarations hold together: they parse, their expressions compile, what they name exists."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

CONTENT = Path(__file__).parents[3] / "treasury"
FOLDERS = {"datasets": "Dataset", "policies": "Policy", "pipelines": "Pipeline", "glossary": "GlossaryTerm"}
POLARS_TYPES = {
    "text": pl.String,
    "code": pl.String,
    "integer": pl.Int64,
    "date": pl.Date,
    "boolean": pl.Boolean,
}


def documents(folder: str) -> dict[str, Any]:
    return {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((CONTENT / folder).glob("*.yaml"))
    }


DATASETS = documents("datasets")
PIPELINES = documents("pipelines")
RULES = [
    (name, rule) for name, document in DATASETS.items() for rule in document["contract"].get("rules", [])
]


def keys(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [*node, *(key for value in node.values() for key in keys(value))]
    return [key for value in node for key in keys(value)] if isinstance(node, list) else []


def empty_table(columns: list[dict[str, Any]]) -> pl.LazyFrame:
    def dtype(declared: str) -> Any:
        decimal = re.fullmatch(r"decimal\((\d+),(\d+)\)", declared)
        return pl.Decimal(int(decimal[1]), int(decimal[2])) if decimal else POLARS_TYPES[declared]

    return pl.LazyFrame(schema={column["name"]: dtype(column["type"]) for column in columns})


@pytest.mark.parametrize("folder", FOLDERS)
def test_documents_are_named_as_their_files(folder):
    found = documents(folder)
    assert found
    for stem, document in found.items():
        assert (document["kind"], document["name"]) == (FOLDERS[folder], stem)
        assert {"id", "en"} <= set(document["description"])
        assert document["owner"].endswith("-pusat")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_key_was_read_as_a_boolean(folder):
    assert all(isinstance(key, str) for document in documents(folder).values() for key in keys(document))


@pytest.mark.parametrize("name", DATASETS)
def test_columns_are_described_in_both_languages(name):
    columns = DATASETS[name]["contract"]["columns"]
    assert len({column["name"] for column in columns}) == len(columns)
    assert any(column.get("key") for column in columns)
    for column in columns:
        assert name == "province" or {"id", "en"} <= set(column["description"])


@pytest.mark.parametrize(
    ("name", "rule"), RULES, ids=lambda value: value if isinstance(value, str) else value["id"]
)
def test_rules_compile_over_their_columns(name, rule):
    table = empty_table(DATASETS[name]["contract"]["columns"])
    for let, declared in rule.get("let", {}).items():
        aggregate = pl.sql_expr(declared["agg"])
        table = table.with_columns(
            (aggregate.over(declared["by"]) if declared["by"] else aggregate).alias(let)
        )
    checked = table.select(
        pl.sql_expr(rule["check"]).alias("check"), pl.sql_expr(rule.get("when", "true")).alias("when")
    )
    assert checked.collect_schema()["check"] == pl.Boolean
    known = set(table.collect_schema().names()) | {"value"}
    for text in (*rule["message"].values(), *rule["remedy"].values()):
        assert set(re.findall(r"\{(\w+)\}", text)) <= known
    assert rule["severity"] in {"warning", "error", "fatal"}
    assert rule.get("column", "year") in known


@pytest.mark.parametrize("name", DATASETS)
def test_derived_columns_and_patterns_compile(name):
    columns = DATASETS[name]["contract"]["columns"]
    for position, column in enumerate(columns):
        if "derive" in column:
            assert empty_table(columns[:position]).select(pl.sql_expr(column["derive"])).collect().is_empty()
        if "pattern" in column:
            assert pl.select(pl.lit("x").str.contains(f"^(?:{column['pattern']})$", strict=True)).height == 1
        if "carry" in column:
            assert column["carry"]["from"] in {other["name"] for other in columns[:position]}


def test_rule_ids_are_unique_per_dataset():
    assert len({(name, rule["id"]) for name, rule in RULES}) == len(RULES)


def test_policies_select_tags_and_columns_that_exist():
    tags = {tag for document in DATASETS.values() for tag in document["tags"]}
    for policy in documents("policies").values():
        assert policy["subjects"]["roles"]
        selectors = policy["resources"].keys() - {"zone"}
        assert len(selectors) == 1
        assert set(policy["resources"].get("tags", [])) <= tags
        assert all(
            mask["kind"] in {"nullify", "redact", "hash", "last4", "date_to_year"}
            for mask in policy.get("masks", [])
        )


def test_every_regional_dataset_has_the_column_that_offices_are_filtered_by():
    regional = [document for document in DATASETS.values() if "regional" in document["tags"]]
    assert regional
    for document in regional:
        assert "province_code" in {column["name"] for column in document["contract"]["columns"]}


@pytest.mark.parametrize("name", PIPELINES)
def test_pipeline_names_resolve_in_order(name):
    pipeline = PIPELINES[name]
    known = set(pipeline["inputs"])
    assert {source["dataset"] for source in pipeline["inputs"].values()} <= set(DATASETS)
    for step in pipeline["steps"]:
        body = next(value for key, value in step.items() if key != "id")
        assert {body[key] for key in ("from", "left", "right") if key in body} <= known
        known.add(step["id"])
    for sink in pipeline["sinks"]:
        assert sink["from"] in known
        assert sink["dataset"] in DATASETS
    assert {expectation["of"] for expectation in pipeline["expectations"]} <= known


def test_glossary_relations_resolve():
    terms = documents("glossary")
    assert all(set(term["related"]) <= set(terms) for term in terms.values())
