"""Working a run off: what is tried again, what ends it, what is committed."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import yaml

from compute_service.domain.decisions import decision_words
from compute_service.domain.runs import Run, RunState
from compute_service.executor.expressions import check_expression
from compute_service.ports.outside import ExecutorUnavailableError, RunTables, TaskExecutor, TaskSession
from compute_service.service.recovery import Recovery
from compute_service.service.runner import RunLimits, Runner
from compute_service.storage.memory import MemoryRunQueue, MemoryRunStore
from lake import Mask, ReadDecision, allow_all
from servicekit.errors import Text, UnavailableError

DECLARATION = yaml.safe_dump(
    {
        "kind": "Pipeline",
        "name": "p",
        "owner": "o",
        "inputs": {"a": {"dataset": "a"}, "b": {"dataset": "b", "as_of": 5}},
        "partition": {"input": "a", "by": ["year"]},
        "steps": [
            {"id": "s", "aggregate": {"from": "a", "by": ["year"], "measures": {"n": {"count": "*"}}}},
            {"id": "j", "join": {"left": "s", "right": "b", "keys": ["year"], "how": "left"}},
        ],
        "sinks": [
            {"from": "s", "dataset": "one", "mode": "overwrite"},
            {"from": "j", "dataset": "two", "mode": "replace", "by": ["year"]},
        ],
    }
)
CONTRACT = "contract: {columns: [{name: year, type: integer, key: true}, {name: n, type: integer}]}"


@dataclass
class Facts:
    declaration: str = CONTRACT


class FakeCatalog:
    def __init__(self):
        self.snapshots, self.edges = [], []

    async def get_dataset(self, dataset):
        return Facts()

    async def record_snapshot(self, dataset, snapshot_id, **fields):
        self.snapshots.append((dataset, snapshot_id, fields["rows"]))

    async def record_lineage(self, edges, **fields):
        self.edges.append((set(edges), fields["process"]))


class FakeTables(RunTables):
    def __init__(self, failures=0):
        self.pinned, self.committed, self.cleared, self.failures = [], {}, [], failures

    async def pin(self, dataset, decision, snapshot_id):
        self.pinned.append((dataset, decision.reasons, snapshot_id))
        return snapshot_id or 100

    async def partitions(self, dataset, decision, snapshot_id, rows):
        self.rows_per_partition = rows
        return [{"piece": number} for number in range(3)]

    async def ensure(self, dataset, schema, description):
        assert schema.names == ("year", "n")

    async def commit(self, dataset, run, files, replaced, properties):
        if self.failures:
            self.failures -= 1
            raise UnavailableError(Text(en="S3 is away", id="S3 tidak ada"))
        self.committed[dataset] = (files, replaced)
        return 200 + len(self.committed), sum(rows for _, rows, _ in files)

    async def clear(self, run):
        self.cleared.append(run)


class FakeExecutor(TaskExecutor, TaskSession):
    def __init__(self, *troubles, passed=True, before=None):
        self.troubles, self.passed, self.before = list(troubles), passed, before
        self.tasks = []

    def open(self, run):
        return nullcontext(self)

    async def run_tasks(self, run, tasks):
        if self.before:
            await self.before()
        for index, task in enumerate(tasks):
            self.tasks.append(task)
            trouble = self.troubles.pop(0) if self.troubles else None
            if isinstance(trouble, Exception):
                raise trouble
            if trouble:
                yield index, {"failure": trouble}
            elif task["kind"] == "partition":
                yield index, {"rows_read": 10, "handed": {"s": f"key-{index}"}, "sinks": {}}
            else:
                yield index, self._finished()

    def _finished(self):
        outcome = ["e", self.passed, "error", "1 of 2", "1 dari 2"]
        file = {"keys": None, "file": ["s3://x", 4, 99], "replaced": [[2010], [2011]]}
        return {
            "rows_read": 7,
            "expectations": [outcome],
            "sinks": {"one": [file], "two": [file]} if self.passed else {},
        }


class World:
    def __init__(self, executor=None, tables=None, decisions=None, **run):
        self.runs, self.catalog = MemoryRunStore(), FakeCatalog()
        self.executor, self.tables = executor or FakeExecutor(), tables or FakeTables()
        words = {
            "pipeline": "p", "run": "r", "state": RunState.PENDING, "revision": 1, "declaration": DECLARATION,
            "creator": "c", "create_time": datetime.now(UTC),
            "decisions": {name: decision_words((decisions or {}).get(name, allow_all(name, "test"))) for name in "ab"},
        }  # fmt: skip
        self.run = Run(**(words | run))
        limits = RunLimits(attempts=3, retry_seconds=0.001)
        self.runner = Runner(self.runs, self.tables, self.catalog, self.executor, check_expression, limits)

    async def execute(self):
        await self.runs.create_run(self.run)
        await self.runner.execute_run("r")
        return await self.runs.get_run("r")

    async def levels(self):
        return [line.level for line in await self.runs.read_run_log("r", 0, 100)]


async def test_a_run_is_planned_worked_off_and_committed():
    world = World()
    run = await world.execute()
    assert run.state is RunState.SUCCEEDED, run.message
    assert (run.tasks_done, run.tasks_total, run.rows_read) == (4, 4, 37)
    assert run.inputs == {"a": 100, "b": 5}
    assert world.tables.committed["one"] == ([("s3://x", 4, 99)], None)
    assert world.tables.committed["two"] == ([("s3://x", 4, 99)], {"year": [2010, 2011]})
    assert run.rows_written == {"one": 4, "two": 4}
    assert list(run.snapshots) == ["datasets/one/snapshots/201", "datasets/two/snapshots/202"]
    assert [item[0] for item in world.catalog.snapshots] == ["one", "two"]
    edges = {("datasets/a", "datasets/one"), ("datasets/a", "datasets/two"), ("datasets/b", "datasets/two")}
    assert world.catalog.edges == [(edges, "pipelines/p/runs/r")]
    assert world.executor.tasks[-1]["handed"] == {"s": ["key-0", "key-1", "key-2"]}
    assert world.tables.cleared == ["r"]


async def test_partitions_that_are_held_in_memory_are_smaller_than_streamed_ones():
    world = World()
    await world.execute()
    assert world.tables.rows_per_partition == RunLimits().streamed_rows_per_partition
    document = yaml.safe_load(DECLARATION)
    document["sinks"][0]["from"] = "r"
    document["steps"].append({"id": "r", "rows": {"from": "a"}})
    world = World(declaration=yaml.safe_dump(document))
    await world.execute()
    assert world.tables.rows_per_partition == RunLimits().rows_per_partition


async def test_an_unfiltered_caller_reads_as_the_platform_and_a_filtered_one_as_himself():
    masked = ReadDecision("b", allowed=True, masks={"x": Mask.HASH}, reasons=("caller",))
    world = World(decisions={"b": masked})
    await world.execute()
    assert world.tables.pinned == [("a", ("system:r",), None), ("b", ("caller",), 5)]
    assert world.executor.tasks[-1]["decisions"]["b"]["masks"] == {"x": "hash"}


async def test_a_lost_cluster_is_tried_again_with_the_same_snapshots():
    world = World(FakeExecutor(None, ExecutorUnavailableError("gone")))
    run = await world.execute()
    assert run.state is RunState.SUCCEEDED
    assert run.attempt == 2
    assert len(world.tables.pinned) == 2
    assert (await world.levels()).count("WARNING") == 1


async def test_a_store_that_is_away_is_tried_again():
    run = await World(tables=FakeTables(failures=2)).execute()
    assert run.state is RunState.SUCCEEDED


async def test_a_store_of_runs_that_is_away_ends_no_run():
    world = World(tables=FakeTables(failures=1))
    add_log = world.runs.add_log

    async def away(run, level, text):
        if level == "WARNING":
            raise UnavailableError(Text(en="PostgreSQL is away", id="PostgreSQL tidak ada"))
        await add_log(run, level, text)

    world.runs.add_log = away
    assert (await world.execute()).state is RunState.SUCCEEDED


async def test_after_the_last_attempt_the_run_fails_with_the_cause():
    run = await World(FakeExecutor(*[ExecutorUnavailableError("gone")] * 9)).execute()
    assert (run.state, run.attempt) == (RunState.FAILED, 3)
    assert "gone" in run.message.en


async def test_a_failure_of_the_data_is_not_tried_again():
    failure = {"message": ["Step s: bad", "Langkah s: buruk"], "remedy": None, "metadata": {}}
    world = World(FakeExecutor(failure))
    run = await world.execute()
    assert (run.state, run.attempt, run.message.id) == (RunState.FAILED, 1, "Langkah s: buruk")
    assert world.tables.committed == {}
    assert world.tables.cleared == ["r"]


async def test_a_failing_expectation_commits_nothing():
    world = World(FakeExecutor(passed=False))
    run = await world.execute()
    assert run.state is RunState.FAILED
    assert not run.expectations[0].passed
    assert world.tables.committed == {}


async def test_something_unexpected_is_not_shown():
    run = await World(FakeExecutor(ValueError("secret detail"))).execute()
    assert run.state is RunState.FAILED
    assert "secret" not in run.message.en


async def test_a_wish_to_cancel_ends_a_run_before_and_during_its_work():
    early = World(cancel_requested=True)
    assert (await early.execute()).state is RunState.CANCELLED
    assert early.executor.tasks == []

    world = World()

    async def cancel():
        await world.runs.update_run("r", cancel_requested=True)

    world.executor.before = cancel
    assert (await world.execute()).state is RunState.CANCELLED
    assert world.tables.committed == {}


async def test_a_run_that_is_held_or_has_ended_is_left_alone():
    world = World()
    await world.runs.create_run(world.run)
    async with world.runs.claim("r"):
        await world.runner.execute_run("r")
    assert (await world.runs.get_run("r")).state is RunState.PENDING
    await world.runs.update_run("r", state=RunState.FAILED)
    await world.runner.execute_run("r")
    await world.runner.execute_run("nobody")
    assert world.executor.tasks == []


async def test_a_run_that_ends_its_process_each_time_is_given_up():
    run = await World(attempt=6).execute()
    assert run.state is RunState.FAILED
    assert "6 times" in run.message.en


@pytest.mark.parametrize("held", [True, False])
async def test_recovery_queues_what_nobody_holds(held):
    world, queue = World(), MemoryRunQueue()
    await world.runs.create_run(world.run)
    recovery = Recovery(world.runs, queue, 1.0)
    if held:
        async with world.runs.claim("r"):
            assert await recovery.recover_runs() == []
    else:
        assert await recovery.recover_runs() == ["r"]
    assert queue.waiting == ([] if held else ["r"])
