"""Declarations of pipelines: what is wrong is named with its path."""

from pathlib import Path

import pytest
import yaml

from compute_service.domain.declaration import parse_pipeline
from compute_service.domain.pipeline import Aggregate, Join, Measure, Rows
from compute_service.errors import DeclarationError
from compute_service.executor.expressions import check_expression

TREASURY = Path(__file__).parents[4] / "treasury" / "pipelines"

BASE = """
kind: Pipeline
name: small
owner: perekayasa-pusat
inputs:
  panel: {dataset: apbd_panel}
  national: {dataset: apbd_national, as_of: 7}
partition: {input: panel, by: [year]}
steps:
  - id: good
    rows: {from: panel, where: "budget > 0", columns: {twice: "budget * 2"}, select: [year, budget, twice]}
  - id: sums
    aggregate: {from: good, by: [year], measures: {budget: {sum: budget}, n: {count: "*"}}}
  - id: both
    join: {left: sums, right: national, keys: [year], how: full, right_columns: {other: budget}}
sinks:
  - {from: both, dataset: result, mode: replace, by: [year]}
expectations:
  - {id: some, of: both, check: "budget >= 0", min_rows: 1, severity: warning, message: {id: a, en: b}}
"""


def parse(text):
    return parse_pipeline(text, check_expression)


def changed(path, value):
    document = yaml.safe_load(BASE)
    *way, last = path
    place = document
    for key in way:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return yaml.safe_dump(document)


def test_a_whole_declaration_is_read():
    pipeline = parse(BASE)
    assert pipeline.name == "small"
    assert pipeline.source_datasets == ("apbd_panel", "apbd_national")
    assert pipeline.sink_datasets == ("result",)
    assert [type(step) for step in pipeline.steps] == [Rows, Aggregate, Join]
    assert pipeline.steps[1].measures == (Measure("budget", "sum", "budget"), Measure("n", "count", "*"))
    assert pipeline.steps[2].validate == "1:1"
    assert pipeline.input("national").as_of == 7
    assert pipeline.inputs_of("both") == {"panel", "national"}
    assert pipeline.inputs_of("sums") == {"panel"}
    assert pipeline.expectations[0].severity == "warning"


@pytest.mark.parametrize("path", sorted(TREASURY.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_real_pipelines_are_read(path):
    assert parse(path.read_text()).name == path.stem


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("kind",), "Dataset", "kind"),
        (("name",), "Small", "name"),
        (("name",), ..., "name"),
        (("owner",), "", "owner"),
        (("surprise",), 1, "surprise"),
        (("inputs",), {}, "inputs"),
        (("inputs",), [], "inputs"),
        (("inputs", "panel", "dataset"), "../x", "inputs.panel.dataset"),
        (("inputs", "national", "as_of"), "yesterday", "inputs.national.as_of"),
        (("inputs", "national", "as_of"), True, "inputs.national.as_of"),
        (("partition", "input"), "good", "partition.input"),
        (("partition", "by"), [], "partition.by"),
        (("partition", "on"), ["x"], "partition.on"),
        (("steps", 0, "id"), "panel", "steps[0].id"),
        (("steps", 0, "rows", "from"), "sums", "steps[0].rows.from"),
        (("steps", 0, "rows", "where"), "budget >", "steps[0].rows.where"),
        (("steps", 0, "rows", "where"), "sum(budget) > 1", "steps[0].rows.where"),
        (("steps", 0, "rows", "columns", "twice"), "(SELECT 1)", "steps[0].rows.columns.twice"),
        (("steps", 0, "rows", "select"), ["a", "a"], "steps[0].rows.select"),
        (("steps", 0, "rows", "filter"), "a", "steps[0].rows.filter"),
        (("steps", 0, "join"), {}, "steps[0]"),
        (("steps", 0, "rows"), ..., "steps[0]"),
        (("steps", 1, "aggregate", "measures"), {}, "steps[1].aggregate.measures"),
        (("steps", 1, "aggregate", "measures", "n"), {"avg": "x"}, "steps[1].aggregate.measures.n"),
        (("steps", 1, "aggregate", "measures", "n"), {"sum": "*"}, "steps[1].aggregate.measures.n.sum"),
        (("steps", 1, "aggregate", "measures", "year"), {"sum": "x"}, "steps[1].aggregate.measures.year"),
        (("steps", 2, "join", "keys"), [], "steps[2].join.keys"),
        (("steps", 2, "join", "how"), "cross", "steps[2].join.how"),
        (("steps", 2, "join", "validate"), "1:m", "steps[2].join.validate"),
        (("steps", 2, "join", "right"), "nothing", "steps[2].join.right"),
        (("steps", 2, "join", "right_columns"), {"year": "x"}, "steps[2].join.right_columns.year"),
        (("sinks",), [], "sinks"),
        (("sinks", 0, "mode"), "append", "sinks[0].mode"),
        (("sinks", 0, "by"), ..., "sinks[0]"),
        (("sinks", 0, "from"), "nobody", "sinks[0].from"),
        (("expectations", 0, "of"), "nobody", "expectations[0].of"),
        (("expectations", 0, "min_rows"), -1, "expectations[0].min_rows"),
        (("expectations", 0, "severity"), "fatal", "expectations[0].severity"),
        (("expectations", 0, "check"), "a; b", "expectations[0].check"),
        (("expectations", 0, "message"), ..., "expectations[0].message"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(path, value, place):
    with pytest.raises(DeclarationError) as caught:
        parse(changed(path, value))
    assert caught.value.field == place
    assert place in caught.value.message.en
    assert place in caught.value.message.id


def test_two_sinks_into_one_dataset_are_refused():
    document = yaml.safe_load(BASE)
    document["sinks"].append({"from": "sums", "dataset": "result", "mode": "overwrite"})
    with pytest.raises(DeclarationError, match=r"sinks\[1\]\.dataset"):
        parse(yaml.safe_dump(document))


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "- 1",
        "",
        "kind: Pipeline\nkind: Pipeline",
        "a: &x [1]\nb: *x",
        "a: !!python/object/apply:os.system ['id']",
        "x" * 300_000,
        "? [a]\n: 1",
    ],
    ids=["open", "list", "empty", "twice", "alias", "object", "long", "key"],
)
def test_what_is_no_document_is_refused(text):
    with pytest.raises(DeclarationError):
        parse(text)
