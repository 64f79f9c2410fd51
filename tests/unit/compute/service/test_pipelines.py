"""Asking for runs, and who sees what of them."""

from dataclasses import dataclass

import pytest
import yaml

from compute_service.domain.runs import RunState
from compute_service.errors import (
    DeclarationError,
    NotFinishedError,
    PipelineNotFoundError,
    RunNotFoundError,
    SinkDeniedError,
)
from compute_service.executor.expressions import check_expression
from compute_service.service.pipelines import PipelineService
from compute_service.storage.memory import MemoryPipelineStore, MemoryRunQueue, MemoryRunStore
from lake import ReadDecision, RowFilter, allow_all, deny
from servicekit.auth import Principal
from servicekit.errors import InvalidArgumentError, Text

ENGINEER = Principal("1", "perekayasa", frozenset({"engineer"}))
AUDITOR = Principal("2", "auditor", frozenset({"auditor"}))
REGIONAL = Principal("3", "analis", frozenset({"scientist"}), office="32")
DECLARATION = yaml.safe_dump(
    {
        "kind": "Pipeline",
        "name": "p",
        "owner": "o",
        "inputs": {"a": {"dataset": "a"}},
        "steps": [{"id": "s", "rows": {"from": "a"}}],
        "sinks": [{"from": "s", "dataset": "out", "mode": "overwrite"}],
    }
)


@dataclass
class Decided:
    read: ReadDecision
    resource: str = ""
    ask: str = "pak-budi"

    @property
    def allowed(self):
        return self.read.allowed


class FakeCatalog:
    denied = frozenset()

    def __init__(self):
        self.asked = []

    async def decide(self, principal, resources, *, action, door, **fields):
        self.asked.append((action, door, list(resources)))
        names = [name.removeprefix("datasets/") for name in resources]
        return [Decided(self._one(principal, name, action)) for name in names]

    def _one(self, principal, name, action):
        if principal is AUDITOR or (name, action) in self.denied:
            return deny(name)
        if principal is REGIONAL:
            return ReadDecision(name, allowed=True, row_filter=RowFilter.where("province_code", "32"))
        return allow_all(name, "test")


@pytest.fixture
def world():
    class World:
        pipelines, runs, queue, catalog = (
            MemoryPipelineStore(),
            MemoryRunStore(),
            MemoryRunQueue(),
            FakeCatalog(),
        )

    World.service = PipelineService(World.pipelines, World.runs, World.queue, World.catalog, check_expression)
    return World


async def asked(world, request_id="", principal=ENGINEER):
    return await world.service.run_pipeline(principal, "p", request_id, {"traceparent": "x"}, "t")


async def test_a_run_is_decided_kept_and_queued_once(world):
    await world.service.apply_pipeline(DECLARATION)
    run = await asked(world, "r")
    assert (run.state, run.creator, run.trace_id, run.revision) == (RunState.PENDING, "perekayasa", "t", 1)
    assert world.catalog.asked == [
        ("read", "pipeline", ["datasets/a"]),
        ("write", "pipeline", ["datasets/out"]),
    ]
    assert run.decisions["a"]["allowed"] is True
    assert (await asked(world, "r")).run == run.run
    assert (await asked(world, "s")).run != run.run
    assert world.queue.waiting[0] == run.run
    assert len(world.queue.waiting) == 2


@pytest.mark.parametrize("denied", [("a", "read"), ("out", "write")])
async def test_a_source_or_sink_that_is_denied_keeps_no_run(world, denied):
    await world.service.apply_pipeline(DECLARATION)
    world.catalog.denied = {denied}
    with pytest.raises(SinkDeniedError, match=denied[0]) as caught:
        await asked(world)
    assert "pak-budi" in caught.value.remedy.id
    assert await world.runs.list_open_runs(10) == []


async def test_what_is_not_there_is_said(world):
    with pytest.raises(PipelineNotFoundError):
        await asked(world)
    with pytest.raises(PipelineNotFoundError):
        await world.service.list_runs(ENGINEER, "p", "", 10)
    with pytest.raises(DeclarationError):
        await world.service.apply_pipeline("kind: Dataset")
    await world.service.apply_pipeline(DECLARATION)
    with pytest.raises(RunNotFoundError):
        await world.service.get_run(ENGINEER, "p", "r")
    run = await asked(world)
    with pytest.raises(RunNotFoundError):
        await world.service.get_run(ENGINEER, "q", run.run)
    with pytest.raises(InvalidArgumentError):
        await asked(world, "x" * 200)


async def test_cancelling_marks_the_run_and_knocks(world):
    await world.service.apply_pipeline(DECLARATION)
    run = await asked(world)
    world.queue.waiting.clear()
    assert (await world.service.cancel_run(ENGINEER, "p", run.run)).cancel_requested
    assert world.queue.waiting == [run.run]
    await world.runs.update_run(run.run, state=RunState.SUCCEEDED)
    with pytest.raises(NotFinishedError):
        await world.service.cancel_run(ENGINEER, "p", run.run)


async def test_rows_in_messages_are_seen_by_those_who_may_read_them(world):
    await world.service.apply_pipeline(DECLARATION)
    run = await asked(world)
    await world.runs.add_log(run.run, "INFO", Text(en="fine", id="baik"))
    await world.runs.add_log(run.run, "ERROR", Text(en="province 31: 5", id="provinsi 31: 5"))
    await world.runs.update_run(run.run, state=RunState.FAILED, message=Text(en="province 31: 5", id="x"))
    other = Principal("9", "perekayasa-2", frozenset({"engineer"}))
    for principal, whole in ((ENGINEER, True), (other, True), (AUDITOR, False), (REGIONAL, False)):
        shown = await world.service.get_run(principal, "p", run.run)
        listed = (await world.service.list_runs(principal, None, "", 10))[0]
        lines = [
            line.text.en async for line in world.service.read_run_log(principal, "p", run.run, follow=True)
        ]
        assert lines[0] == "fine"
        for text in (shown.message.en, listed.message.en, lines[1]):
            assert ("31" in text) is whole
