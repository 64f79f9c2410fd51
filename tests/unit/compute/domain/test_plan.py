"""Where steps run."""

from pathlib import Path

import yaml

from compute_service.domain.declaration import parse_pipeline
from compute_service.domain.plan import Plan, plan_pipeline
from compute_service.executor.expressions import check_expression

APBD = Path(__file__).parents[4] / "treasury" / "pipelines" / "apbd_by_province.yaml"


def planned(steps, sinks, expectations=(), partition=True):
    document = {
        "kind": "Pipeline",
        "name": "p",
        "owner": "o",
        "inputs": {"a": {"dataset": "a"}, "b": {"dataset": "b"}},
        "steps": steps,
        "sinks": [{"from": step, "dataset": name, "mode": "overwrite"} for step, name in sinks],
        "expectations": [
            {"id": f"e{number}", "of": step, "check": "x > 0", "message": {"id": "m"}}
            for number, step in enumerate(expectations)
        ],
    }
    if partition:
        document["partition"] = {"input": "a", "by": ["year"]}
    return plan_pipeline(parse_pipeline(yaml.safe_dump(document), check_expression))


def rows(name, source):
    return {"id": name, "rows": {"from": source, "where": "x > 0"}}


def sums(name, source):
    return {"id": name, "aggregate": {"from": source, "by": ["year"], "measures": {"x": {"sum": "x"}}}}


def test_the_real_pipeline_sums_in_its_partitions():
    plan = plan_pipeline(parse_pipeline(APBD.read_text(), check_expression))
    assert plan == Plan(("governments",), ("by_province",), (), ())
    assert plan.streamed


def test_rows_over_rows_stay_inside_and_two_aggregates_share_them():
    plan = planned(
        [rows("r", "a"), rows("q", "r"), sums("s", "q"), sums("t", "r"), sums("u", "s")], [("u", "out")]
    )
    assert plan == Plan(("r", "q"), ("s", "t"), (), ())


def test_rows_after_a_combine_and_over_other_inputs_run_in_the_last_task():
    plan = planned([sums("s", "a"), rows("r", "s"), rows("q", "b")], [("r", "out")])
    assert plan == Plan((), ("s",), (), ())


def test_rows_that_a_join_or_an_expectation_needs_are_handed_on_whole():
    join = {"id": "j", "join": {"left": "r", "right": "b", "keys": ["year"], "how": "left"}}
    assert planned([rows("r", "a"), join], [("j", "out")]).gathered == ("r",)
    assert planned([rows("r", "a"), sums("s", "r")], [("s", "out")], ["r"]).gathered == ("r",)


def test_rows_that_a_sink_takes_are_written_by_their_partition():
    plan = planned([rows("r", "a"), sums("s", "r")], [("r", "out"), ("s", "sums")])
    assert plan == Plan(("r",), ("s",), (), ("out",), shared=("r",))
    assert not plan.streamed


def test_rows_with_one_sink_or_several_sums_are_held_in_memory():
    assert not planned([rows("r", "a")], [("r", "out")]).streamed
    plan = planned([sums("s", "a"), sums("t", "a")], [("s", "out"), ("t", "more")])
    assert plan == Plan((), ("s", "t"), (), (), shared=("a",))
    assert not plan.streamed


def test_the_partitioned_input_itself_is_read_whole_when_a_join_needs_it():
    join = {"id": "j", "join": {"left": "a", "right": "b", "keys": ["year"], "how": "left"}}
    assert planned([join], [("j", "out")]) == Plan((), (), (), ())


def test_without_partition_all_is_one_task():
    assert planned([rows("r", "a"), sums("s", "r")], [("s", "out")], partition=False) == Plan((), (), (), ())
