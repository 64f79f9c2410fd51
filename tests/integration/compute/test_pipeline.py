"""Pipelines through the real service and a real Dask cluster with TLS; whatever dies, the result is right once."""

import contextlib
import time
from decimal import Decimal

import grpc
import polars as pl
import pytest
import yaml
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from lumbung.compute.v1 import pipeline_service_pb2 as pb

from support.budgets import TREASURY, panel_rows
from support.compute_world import frame

Run, Code = pb.Run, grpc.StatusCode
pytestmark = pytest.mark.timeout(600)
APBD = "apbd_by_province"
SINKS = ("apbd_by_province", "apbd_reconciliation")


def declaration(name, **changes):
    document = yaml.safe_load((TREASURY / "pipelines" / f"{APBD}.yaml").read_text())
    return yaml.safe_dump({**document, "name": name, **changes})


def expected(panel):
    chosen = panel.filter(pl.col("account_code").str.starts_with("APBD."))
    return (
        chosen.group_by("province_code", "year", "account_code")
        .agg(
            pl.col("province").max(),
            pl.col("account").max(),
            pl.col("budget").sum(),
            pl.col("realisation").sum(),
            pl.len().cast(pl.Int64).alias("governments"),
        )
        .sort("province_code", "year", "account_code")
    )


def commits(world, run):
    return [item for item in world.lake.snapshots(APBD) if item.run_id == run.name.rpartition("/")[2]]


def is_right_once(world, run, panel=None):
    assert run.state == Run.STATE_SUCCEEDED, (run.message, world.log("service")[-3000:])
    want = expected(panel_rows() if panel is None else panel)
    have = frame(world.lake, APBD).sort("province_code", "year", "account_code").select(want.columns)
    assert have.equals(want)
    assert len(commits(world, run)) == 1
    assert dict(run.rows_written)[APBD] == want.height
    assert run.tasks_done == run.tasks_total
    wait_for(
        lambda: not world.lake.objects.list_prefix("runs/"), seconds=20
    )  # cleared just after the end is told


def wait_for(condition, seconds=200):
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(grpc.RpcError):
            if found := condition():
                return found
        assert time.monotonic() < deadline
        time.sleep(0.02)


def reason(error):
    for detail in rpc_status.from_call(error).details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            return info.reason
    return None


def test_a_run_is_right_and_told_to_the_catalog(pipeline_world):
    world = pipeline_world
    heard = len(world.catalog.metadata)
    asked = world.start_run(APBD, "first")
    assert asked.state == Run.STATE_PENDING
    assert world.start_run(APBD, "first").name == asked.name
    run = world.wait_run(asked.name)
    is_right_once(world, run)
    assert world.start_run(APBD, "first").name == run.name
    assert run.creator == "perekayasa-pusat"
    assert run.revision == 1
    assert run.tasks_total == 49
    assert run.rows_read == 4896 + 16
    assert {item.expectation: item.passed for item in run.expectations} == {
        "totals_agree": True,
        "every_province": True,
    }
    assert dict(run.rows_written) == {"apbd_by_province": 544, "apbd_reconciliation": 16}
    statuses = frame(world.lake, "apbd_reconciliation")["status"].unique().to_list()
    assert statuses == ["agrees"]
    told = [item for item in world.catalog.snapshots if item.snapshot.origin == run.name]
    assert sorted(item.snapshot.name for item in told) == sorted(run.snapshots)
    assert [column.name for column in told[0].columns][:2] == ["province_code", "province"]
    edges = {(edge.source, edge.target) for edge in world.catalog.edges if edge.process == run.name}
    assert edges == {
        ("datasets/apbd_panel", "datasets/apbd_by_province"),
        ("datasets/apbd_panel", "datasets/apbd_reconciliation"),
        ("datasets/apbd_national", "datasets/apbd_reconciliation"),
    }
    traces = {item.get("traceparent", "").split("-")[1] for item in world.catalog.metadata[heard : heard + 2]}
    assert traces == {run.trace_id}
    lines = world.run_log(run.name, follow=True)
    assert lines[0][1].startswith("Reads apbd_panel@")
    assert lines[-1] == ("INFO", "Committed.")


def test_a_worker_that_is_killed_has_its_tasks_repeated(pipeline_world):
    world = pipeline_world
    asked = world.start_run(APBD)
    wait_for(lambda: world.run(asked.name).tasks_done >= 3)
    world.kill("worker-1")
    run = world.wait_run(asked.name)
    world.start("worker-1")
    is_right_once(world, run)


def test_a_service_that_is_killed_takes_its_run_up_again(pipeline_world):
    world = pipeline_world
    asked = world.start_run(APBD)
    wait_for(lambda: world.run(asked.name).tasks_done >= 3)
    world.kill("service")
    world.start("service")
    up = time.monotonic()
    run = world.wait_run(asked.name)
    is_right_once(world, run)
    # The takeover itself takes seconds; the rest is the work, on a machine that may be busy.
    assert time.monotonic() - up < 120


def test_a_scheduler_that_is_killed_costs_an_attempt(pipeline_world):
    world = pipeline_world
    asked = world.start_run(APBD)
    wait_for(lambda: world.run(asked.name).tasks_done >= 3)
    for name in ("scheduler", "worker-1", "worker-2"):
        world.kill(name)
    world.start("scheduler", "worker-1", "worker-2")
    run = world.wait_run(asked.name, 300)
    is_right_once(world, run)
    assert any(level == "WARNING" for level, _ in world.run_log(run.name))


def test_a_failing_expectation_commits_nothing(pipeline_world):
    world = pipeline_world
    check = {
        "id": "impossible", "of": "by_province", "check": "budget < 0 OR year > 2010", "severity": "error",
        "message": {"en": "{province_code} {year}", "id": "{province_code} {year}"},
    }  # fmt: skip
    world.apply(declaration("failing", expectations=[check]))
    before = {name: world.lake.describe(name).snapshot_id for name in SINKS}
    run = world.wait_run(world.start_run("failing").name)
    assert run.state == Run.STATE_FAILED
    assert "impossible" in run.message
    assert not run.expectations[0].passed
    assert "11 2010" in run.expectations[0].message
    assert {name: world.lake.describe(name).snapshot_id for name in SINKS} == before
    assert not run.snapshots
    wait_for(
        lambda: not world.lake.objects.list_prefix("runs/"), seconds=20
    )  # cleared just after the end is told


def test_a_warning_is_written_and_the_run_goes_on(pipeline_world):
    world = pipeline_world
    check = {
        "id": "odd", "of": "reconciliation", "check": "year > 2010", "severity": "warning",
        "message": {"en": "{year} is odd", "id": "{year} ganjil"},
    }  # fmt: skip
    world.apply(declaration("warning", expectations=[check]))
    run = world.wait_run(world.start_run("warning").name)
    assert run.state == Run.STATE_SUCCEEDED
    assert any(level == "WARNING" and "2010 is odd" in text for level, text in world.run_log(run.name))


def test_a_filter_of_the_caller_goes_into_the_scan(pipeline_world):
    world = pipeline_world
    world.apply(declaration("mine", expectations=[], inputs={"panel": {"dataset": "apbd_panel"}}, steps=[
        {"id": "s", "aggregate": {"from": "panel", "by": ["province_code", "year", "account_code"], "measures": {
            "province": {"max": "province"}, "account": {"max": "account"}, "budget": {"sum": "budget"},
            "realisation": {"sum": "realisation"}, "governments": {"count": "*"}}}},
    ], sinks=[{"from": "s", "dataset": APBD, "mode": "overwrite"}]))  # fmt: skip
    run = world.wait_run(world.start_run("mine", account="perekayasa-filtered-32").name)
    assert run.state == Run.STATE_SUCCEEDED, run.message
    assert frame(world.lake, APBD)["province_code"].unique().to_list() == ["32"]


def test_rows_are_written_by_their_partitions_and_replace_their_years(pipeline_world):
    world = pipeline_world
    world.catalog.declarations["rows_out"] = yaml.safe_dump(
        {"kind": "Dataset", "name": "rows_out", "contract": {"columns": [
            {"name": "region_code", "type": "code", "key": True},
            {"name": "year", "type": "integer", "key": True},
            {"name": "twice", "type": "decimal(38,0)", "required": True},
        ]}}
    )  # fmt: skip
    common = {
        "expectations": [], "inputs": {"panel": {"dataset": "apbd_panel"}},
        "sinks": [{"from": "r", "dataset": "rows_out", "mode": "replace", "by": ["year"]}],
    }  # fmt: skip

    def rows_of(where):
        return [{"id": "r", "rows": {"from": "panel", "where": where, "columns": {"twice": "budget * 2"},
                                     "select": ["region_code", "year", "twice"]}}]  # fmt: skip

    def work(name, where):
        world.apply(declaration(name, steps=rows_of(where), **common))
        return world.wait_run(world.start_run(name).name)

    assert work("rows_all", "account_code = 'TKDD.X'").rows_written["rows_out"] == 34 * 6 * 8
    assert (
        work("rows_some", "account_code = 'TKDD.X' AND year = 2012 AND province_code = '32'").rows_written[
            "rows_out"
        ]
        == 6
    )
    have = frame(world.lake, "rows_out")
    assert have.height == 34 * 6 * 7 + 6
    assert have["twice"].max() == Decimal(2 * (10**12 + 44_005))
    repeated = work("rows_repeated", "account_code <> 'TKDD.X'")
    assert repeated.state == Run.STATE_FAILED
    assert "is repeated" in repeated.message
    assert frame(world.lake, "rows_out").height == have.height


def test_a_broken_step_fails_once_with_the_place(pipeline_world):
    world = pipeline_world
    steps = [
        {"id": "s", "aggregate": {"from": "panel", "by": ["nothing"], "measures": {"n": {"count": "*"}}}}
    ]
    world.apply(declaration("broken", steps=steps, expectations=[], sinks=[
        {"from": "s", "dataset": APBD, "mode": "overwrite"}]))  # fmt: skip
    run = world.wait_run(world.start_run("broken").name)
    assert run.state == Run.STATE_FAILED
    assert "Step s: there is no column nothing" in run.message
    assert not any(level == "WARNING" for level, _ in world.run_log(run.name))


def test_a_cancelled_run_commits_nothing(pipeline_world):
    world = pipeline_world
    before = world.lake.describe(APBD).snapshot_id
    asked = world.start_run(APBD)
    wait_for(lambda: world.run(asked.name).tasks_done >= 1)
    world.pipelines("CancelRun", pb.CancelRunRequest(name=asked.name))
    run = world.wait_run(asked.name)
    assert run.state == Run.STATE_CANCELLED
    assert world.lake.describe(APBD).snapshot_id == before
    assert world.pipelines("CancelRun", pb.CancelRunRequest(name=asked.name)).state == Run.STATE_CANCELLED


def test_who_may_not_is_told_whom_to_ask(pipeline_world):
    world = pipeline_world
    sinks = [{"from": "by_province", "dataset": "apbd_unknown", "mode": "overwrite"}]
    world.apply(declaration("nowhere", sinks=sinks, expectations=[]))
    with pytest.raises(grpc.RpcError) as caught:
        world.start_run("nowhere")
    assert caught.value.code() is Code.PERMISSION_DENIED
    assert reason(caught.value) == "PIPELINE_DENIED"
    assert "steward-pusat" in caught.value.details()
    with pytest.raises(grpc.RpcError) as caught:
        world.start_run(APBD, account="steward-pusat")
    assert reason(caught.value) == "ROLE_MISSING"


def test_lists_come_in_pages_and_names_are_checked(pipeline_world):
    world = pipeline_world
    names, token = [], ""
    while True:
        page = world.pipelines("ListPipelines", pb.ListPipelinesRequest(page_size=2, page_token=token))
        assert len(page.pipelines) <= 2
        names += [item.name for item in page.pipelines]
        token = page.next_page_token
        if not token:
            break
    assert names == sorted(set(names))
    assert f"pipelines/{APBD}" in names
    newest = world.pipelines("ListRuns", pb.ListRunsRequest(parent="pipelines/-", page_size=1))
    assert newest.next_page_token
    mine = world.pipelines("ListRuns", pb.ListRunsRequest(parent=f"pipelines/{APBD}")).runs
    assert {run.name.split("/")[1] for run in mine} == {APBD}
    for method, request in (
        ("GetPipeline", pb.GetPipelineRequest(name="pipelines/../x")),
        ("GetRun", pb.GetRunRequest(name="runs/x")),
        ("ListRuns", pb.ListRunsRequest(parent="x")),
        ("ListRuns", pb.ListRunsRequest(parent="pipelines/-", page_size=-1)),
        ("ListPipelines", pb.ListPipelinesRequest(page_token="%%%")),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            world.pipelines(method, request)
        assert caught.value.code() is Code.INVALID_ARGUMENT
    for method, request in (
        ("GetPipeline", pb.GetPipelineRequest(name="pipelines/nobody")),
        ("GetRun", pb.GetRunRequest(name=f"pipelines/{APBD}/runs/nobody")),
        ("RunPipeline", pb.RunPipelineRequest(name="pipelines/nobody")),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            world.pipelines(method, request)
        assert caught.value.code() is Code.NOT_FOUND


def test_a_wrong_declaration_is_refused_with_its_path(pipeline_world):
    with pytest.raises(grpc.RpcError) as caught:
        pipeline_world.apply(declaration("wrong", owner=""))
    assert caught.value.code() is Code.INVALID_ARGUMENT
    assert "owner" in caught.value.details()
