"""Clusters of runs that have ended are removed; those of open runs stay."""

from datetime import UTC, datetime

from compute_service.domain.runs import Run, RunState
from compute_service.ports.outside import RunClusters
from compute_service.service.leftovers import Leftovers
from compute_service.storage.memory import MemoryRunStore


class FakeClusters(RunClusters):
    def __init__(self, *runs):
        self.runs = set(runs)

    async def list_runs(self):
        return set(self.runs)

    async def remove(self, run):
        self.runs.discard(run)


def run(name, state):
    return Run(
        pipeline="p", run=name, state=state, revision=1, declaration="", creator="c",
        create_time=datetime.now(UTC),
    )  # fmt: skip


async def test_only_open_runs_keep_their_clusters():
    runs, clusters = MemoryRunStore(), FakeClusters("pending", "running", "ended", "failed", "unknown")
    for name, state in (
        ("pending", RunState.PENDING),
        ("running", RunState.RUNNING),
        ("ended", RunState.SUCCEEDED),
        ("failed", RunState.FAILED),
    ):
        await runs.create_run(run(name, state))
    assert await Leftovers(runs, clusters, 60).remove_leftovers() == ["ended", "failed", "unknown"]
    assert clusters.runs == {"pending", "running"}
