"""What every store of pipelines and runs does."""

from datetime import UTC, datetime, timedelta

import pytest

from compute_service.domain.runs import Outcome, Run, RunState
from servicekit.errors import Text
from servicekit.telemetry import QueueState

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def a_run(run="r1", pipeline="p", **fields):
    words = {
        "pipeline": pipeline,
        "run": run,
        "state": RunState.PENDING,
        "revision": 3,
        "declaration": "kind: Pipeline",
        "creator": "perekayasa-pusat",
        "create_time": NOW,
        "decisions": {"d": {"allowed": True}},
        "trace": {"traceparent": "00-1-2-01"},
        "trace_id": "1",
    }
    return Run(**(words | fields))


async def test_a_revision_grows_only_with_a_change(stores):
    pipelines, _ = stores
    first = await pipelines.apply_pipeline("p", "a")
    assert (first.pipeline, first.declaration, first.revision) == ("p", "a", 1)
    assert await pipelines.apply_pipeline("p", "a") == first
    second = await pipelines.apply_pipeline("p", "b")
    assert second.revision == 2
    assert second.update_time >= first.update_time
    assert await pipelines.get_pipeline("p") == second
    assert await pipelines.get_pipeline("q") is None


async def test_pipelines_are_listed_in_pages(stores):
    pipelines, _ = stores
    for name in ("b", "a_b", "a", "ab", "c"):
        await pipelines.apply_pipeline(name, name)
    pages, after = [], ""
    while page := await pipelines.list_pipelines(after, 2):
        pages.append([item.pipeline for item in page])
        after = page[-1].pipeline
    assert pages == [["a", "a_b"], ["ab", "b"], ["c"]]


async def test_a_run_comes_back_as_it_was_kept(stores):
    pipelines, runs = stores
    await pipelines.apply_pipeline("p", "a")
    run = a_run(request_id="q")
    assert await runs.create_run(run) == run
    assert await runs.get_run("r1") == run
    assert await runs.get_run("r2") is None


async def test_a_request_id_gives_the_same_run(stores):
    pipelines, runs = stores
    for name in ("p", "o"):
        await pipelines.apply_pipeline(name, "a")
    first = await runs.create_run(a_run(request_id="q"))
    assert await runs.create_run(a_run("r2", request_id="q")) == first
    assert (await runs.create_run(a_run("r3", pipeline="o", request_id="q"))).run == "r3"
    assert (await runs.create_run(a_run("r4", creator="other", request_id="q"))).run == "r4"
    assert (await runs.create_run(a_run("r5"))).run == "r5"
    assert (await runs.create_run(a_run("r6"))).run == "r6"


async def test_all_fields_of_a_run_change_until_it_has_ended(stores):
    pipelines, runs = stores
    await pipelines.apply_pipeline("p", "a")
    await runs.create_run(a_run())
    changes = {
        "state": RunState.RUNNING,
        "message": Text(en="m", id="p"),
        "tasks_done": 1,
        "tasks_total": 2,
        "rows_read": 2**40,
        "rows_written": {"d": 5},
        "snapshots": ("datasets/d/snapshots/1",),
        "expectations": (Outcome("e", False, "error", Text(en="x", id="y")),),
        "inputs": {"panel": 2**62, "empty": None},
        "attempt": 2,
        "cancel_requested": True,
        "start_time": NOW,
        "end_time": NOW + timedelta(seconds=1),
    }
    changed = await runs.update_run("r1", **changes)
    assert {name: getattr(changed, name) for name in changes} == changes
    assert await runs.get_run("r1") == changed
    assert (await runs.update_run("r1", state=RunState.CANCELLED)).state is RunState.CANCELLED
    assert await runs.update_run("r1", state=RunState.SUCCEEDED) is None
    assert (await runs.get_run("r1")).state is RunState.CANCELLED
    assert await runs.update_run("nobody", tasks_done=1) is None


@pytest.mark.parametrize("pipeline", [None, "p"])
async def test_runs_are_listed_newest_first_in_pages(stores, pipeline):
    pipelines, runs = stores
    for name in ("p", "o"):
        await pipelines.apply_pipeline(name, "a")
    for number in range(5):
        await runs.create_run(a_run(f"r{number}", create_time=NOW + timedelta(seconds=number // 2)))
    await runs.create_run(a_run("x", pipeline="o", create_time=NOW - timedelta(seconds=1)))
    pages, after = [], ""
    while page := await runs.list_runs(pipeline, after, 2):
        pages.append([run.run for run in page])
        after = page[-1].run
    last = [["r0", "x"]] if pipeline is None else [["r0"]]
    assert pages == [["r4", "r3"], ["r2", "r1"], *last]
    assert await runs.list_runs(pipeline, "nobody", 2) == []


async def test_open_runs_are_those_that_have_not_ended(stores):
    pipelines, runs = stores
    await pipelines.apply_pipeline("p", "a")
    for number, state in enumerate(RunState):
        await runs.create_run(a_run(f"r{number}", create_time=NOW - timedelta(seconds=number)))
        if state is not RunState.PENDING:
            await runs.update_run(f"r{number}", state=state)
    assert [run.state for run in await runs.list_open_runs(10)] == [RunState.RUNNING, RunState.PENDING]
    assert len(await runs.list_open_runs(1)) == 1


async def test_a_log_is_read_in_order_and_from_a_place(stores):
    pipelines, runs = stores
    await pipelines.apply_pipeline("p", "a")
    await runs.create_run(a_run("r1"))
    await runs.create_run(a_run("r2"))
    for number in range(4):
        await runs.add_log("r1" if number % 2 == 0 else "r2", "INFO", Text(en=f"e{number}", id=f"i{number}"))
    lines = await runs.read_run_log("r1", 0, 10)
    assert [(line.level, line.text) for line in lines] == [
        ("INFO", Text(en="e0", id="i0")),
        ("INFO", Text(en="e2", id="i2")),
    ]
    assert [line.text.en for line in await runs.read_run_log("r1", lines[0].number, 10)] == ["e2"]
    assert len(await runs.read_run_log("r1", 0, 1)) == 1


async def test_a_claim_is_held_by_one(stores):
    _, runs = stores
    async with runs.claim("r1") as first, runs.claim("r1") as second, runs.claim("r2") as other:
        assert (first, second, other) == (True, False, True)
    async with runs.claim("r1") as again:
        assert again


async def test_a_claim_ends_with_an_error(stores):
    _, runs = stores
    with pytest.raises(RuntimeError):
        async with runs.claim("r1"):
            raise RuntimeError
    async with runs.claim("r1") as again:
        assert again


async def test_the_queue_counts_what_waits_and_runs(stores):
    pipelines, runs = stores
    assert await runs.queue_state() == QueueState(0, 0, 0)
    await pipelines.apply_pipeline("p", "a")
    now = datetime.now(UTC)
    ages = {"r1": 7200, "r2": 600, "r3": 60, "r4": 9000}
    for name, age in ages.items():
        await runs.create_run(a_run(name, create_time=now - timedelta(seconds=age)))
    await runs.update_run("r1", state=RunState.RUNNING)
    await runs.update_run("r4", state=RunState.FAILED)
    state = await runs.queue_state()
    assert (state.waiting, state.running) == (2, 1)
    assert 595 < state.oldest_seconds < 660
