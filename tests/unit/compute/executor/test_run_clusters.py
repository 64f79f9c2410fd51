"""Clusters of runs: what is asked of Kubernetes, what is waited for, what a person is told."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml
from pydantic import ValidationError

from compute_service.errors import ClusterNotReadyError, ClusterSetupError
from compute_service.executor.cluster_manifest import EXPIRES, RUN, cluster_manifest
from compute_service.executor.cluster_state import find_trouble, is_ready
from compute_service.executor.per_run_executor import PerRunExecutor
from compute_service.executor.run_clusters import KubernetesRunClusters
from compute_service.ports.kubernetes import Kubernetes, KubernetesError
from compute_service.settings import DaskSettings, RunClusterSettings

LABELS = {"app.kubernetes.io/instance": "lumbung"}
TEMPLATE = {
    "apiVersion": "kubernetes.dask.org/v1",
    "kind": "DaskCluster",
    "metadata": {"labels": LABELS},
    "spec": {
        "scheduler": {
            "metadata": {"labels": {"component": "s"}},
            "spec": {"containers": [{"name": "s", "env": [{"name": "A", "value": "1"}]}]},
            "service": {"ports": [{"port": 8786}]},
        },
        "worker": {"spec": {"containers": [{"name": "w", "env": [{"name": "B", "value": "2"}]}]}},
    },
}
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "dask-cluster", "uid": "u1"}
QUOTA = 'pods "run-x-scheduler-abc" is forbidden: exceeded quota: full, requested: pods=1, used: pods=9, limited: pods=1'


def pod(component, *, ready=True, waiting=None, scheduled=True):
    conditions = [
        {"type": "PodScheduled", "status": str(scheduled), "message": "0/1 nodes: Insufficient memory."},
        {"type": "Ready", "status": str(ready)},
    ]
    state = {"waiting": waiting} if waiting else {"running": {}}
    return {
        "metadata": {"name": f"p-{component}", "labels": {"dask.org/component": component}},
        "status": {
            "conditions": conditions,
            "containerStatuses": [{"image": "lumbung/compute:none", "state": state}],
        },
    }


def deployment(message=None):
    conditions = [{"type": "ReplicaFailure", "status": "True", "message": message}] if message else []
    return {"status": {"conditions": conditions}}


class FakeKubernetes(Kubernetes):
    def __init__(self, *, pods=(), deployments=(), error=None):
        self.clusters, self.pods, self.deployments, self.error = {}, list(pods), list(deployments), error

    def _answer(self):
        if self.error:
            raise self.error

    async def owner(self, config_map):
        self._answer()
        return {**OWNER, "name": config_map}

    async def create_cluster(self, manifest):
        self._answer()
        self.clusters[manifest["metadata"]["name"]] = manifest

    async def delete_cluster(self, name):
        self._answer()
        self.clusters.pop(name, None)

    async def list_clusters(self, labels):
        self._answer()
        return [
            manifest
            for manifest in self.clusters.values()
            if labels.items() <= manifest["metadata"]["labels"].items()
        ]

    async def list_pods(self, labels):
        return self.pods

    async def list_deployments(self, labels):
        return self.deployments


@pytest.fixture
def clusters(tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_text(yaml.safe_dump(TEMPLATE))

    def clusters(kubernetes, ready_seconds=0.01):
        settings = RunClusterSettings(
            manifest=path, owner="dask-cluster", workers=3, ready_seconds=ready_seconds
        )
        return KubernetesRunClusters(settings, kubernetes, timedelta(hours=1))

    return clusters


def test_the_manifest_is_the_template_for_one_run():
    expires = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    made = cluster_manifest(TEMPLATE, "run-r-1", "r", workers=4, owner=OWNER, expires=expires)
    assert made["metadata"] == {
        "name": "run-r-1",
        "labels": {**LABELS, RUN: "r"},
        "annotations": {EXPIRES: "2026-01-02T03:04:05+00:00"},
        "ownerReferences": [OWNER],
    }
    scheduler, worker = made["spec"]["scheduler"], made["spec"]["worker"]
    assert scheduler["metadata"]["labels"] == {"component": "s", RUN: "r"}
    assert scheduler["service"]["selector"] == {
        "dask.org/cluster-name": "run-r-1",
        "dask.org/component": "scheduler",
    }
    assert worker["replicas"] == 4
    assert worker["spec"]["containers"][0]["env"] == [
        {"name": "DASK_SCHEDULER_ADDRESS", "value": "tls://run-r-1-scheduler:8786"},
        {"name": "B", "value": "2"},
    ]
    assert "name" not in TEMPLATE["metadata"]


async def test_a_cluster_is_made_and_its_address_given(clusters):
    kubernetes = FakeKubernetes(pods=[pod("scheduler"), pod("worker")])
    address = await clusters(kubernetes).create("r", tasks=2)
    ((name, manifest),) = kubernetes.clusters.items()
    assert address == f"tls://{name}-scheduler:8786"
    # No more workers than tasks, and no more than the settings allow.
    assert manifest["spec"]["worker"]["replicas"] == 2
    assert len(name) <= 53


async def test_a_new_attempt_removes_what_an_earlier_one_left(clusters):
    kubernetes = FakeKubernetes(pods=[pod("scheduler"), pod("worker")])
    runs = clusters(kubernetes)
    await runs.create("r", tasks=1)
    await runs.create("other", tasks=1)
    (before,) = await kubernetes.list_clusters({RUN: "r"})
    await runs.create("r", tasks=1)
    (after,) = await kubernetes.list_clusters({RUN: "r"})
    assert after["metadata"]["name"] != before["metadata"]["name"]
    assert await runs.list_runs() == {"r", "other"}
    await runs.remove("r")
    assert await runs.list_runs() == {"other"}


def test_ready_is_a_scheduler_and_a_worker():
    assert is_ready([pod("scheduler"), pod("worker", ready=False), pod("worker")])
    assert not is_ready([pod("scheduler"), pod("worker", ready=False)])
    leaving = pod("worker")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not is_ready([pod("scheduler"), leaving])


def waiting(reason, message=""):
    return {"reason": reason, "message": message}


@pytest.mark.parametrize(
    ("pods", "deployments", "words", "hopeless"),
    [
        ([], [deployment(QUOTA)], ["quota", "exceeded quota: full", "kuota"], False),
        ([], [deployment("violates PodSecurity")], ["refused", "PodSecurity"], False),
        (
            [pod("scheduler", ready=False, waiting=waiting("ImagePullBackOff"))],
            [deployment()],
            ["lumbung/compute:none", "ImagePullBackOff"],
            False,
        ),
        (
            [pod("worker", ready=False, waiting=waiting("ErrImageNeverPull"))],
            [deployment()],
            ["lumbung/compute:none"],
            True,
        ),
        (
            [
                pod(
                    "worker",
                    ready=False,
                    waiting=waiting("CreateContainerConfigError", 'secret "x" not found'),
                )
            ],
            [deployment()],
            ["p-worker", 'secret "x" not found'],
            True,
        ),
        (
            [pod("worker", ready=False, scheduled=False)],
            [deployment()],
            ["Insufficient memory", "no node"],
            False,
        ),
        ([], [], ["dask-operator"], False),
    ],
)
def test_the_reason_is_found(pods, deployments, words, hopeless):
    trouble = find_trouble(pods, deployments, seconds=60)
    assert trouble.hopeless is hopeless
    for word in words:
        assert word in f"{trouble.text.en} {trouble.text.id}"


def test_a_cluster_that_starts_has_no_trouble():
    creating = pod("scheduler", ready=False, waiting=waiting("ContainerCreating"))
    assert find_trouble([creating], [deployment()], seconds=60) is None
    assert find_trouble([], [], seconds=1) is None


async def test_a_cluster_that_does_not_come_up_says_why(clusters):
    kubernetes = FakeKubernetes(deployments=[deployment(QUOTA)])
    with pytest.raises(ClusterNotReadyError) as caught:
        await clusters(kubernetes).create("r", tasks=1)
    assert "exceeded quota" in caught.value.sentence("en")
    assert "kuota" in caught.value.sentence("id")


async def test_a_hopeless_cluster_is_not_waited_for(clusters):
    pods = [pod("scheduler", ready=False, waiting=waiting("InvalidImageName"))]
    with pytest.raises(ClusterNotReadyError, match="InvalidImageName"):
        await clusters(FakeKubernetes(pods=pods), ready_seconds=3600).create("r", tasks=1)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, ClusterSetupError),
        (403, ClusterSetupError),
        (500, ClusterNotReadyError),
        (None, ClusterNotReadyError),
    ],
)
async def test_what_kubernetes_refuses(clusters, status, kind):
    runs = clusters(FakeKubernetes(error=KubernetesError("no such thing", status)))
    with pytest.raises(kind, match="no such thing"):
        await runs.create("r", tasks=1)
    with pytest.raises(kind):
        await runs.list_runs()


async def test_the_cluster_goes_however_the_attempt_ends(clusters):
    kubernetes = FakeKubernetes(pods=[pod("scheduler"), pod("worker")])
    runs = clusters(kubernetes)
    settings = DaskSettings(mode="per_run", run_cluster=RunClusterSettings(manifest="x", owner="o"))

    async def attempt():
        async with PerRunExecutor(settings, runs).open("r"):
            await runs.create("r", tasks=1)
            raise KeyError("r")

    with pytest.raises(KeyError):
        await attempt()
    assert not kubernetes.clusters


async def test_an_api_server_that_is_away_does_not_hide_the_runs_own_error(clusters):
    runs = clusters(FakeKubernetes(error=KubernetesError("away")))
    settings = DaskSettings(mode="per_run", run_cluster=RunClusterSettings(manifest="x", owner="o"))

    async def attempt():
        async with PerRunExecutor(settings, runs).open("r"):
            raise KeyError("r")

    with pytest.raises(KeyError):
        await attempt()


@pytest.mark.parametrize(
    ("words", "missing"), [({}, "scheduler"), ({"mode": "per_run", "scheduler": "tls://x:1"}, "run_cluster")]
)
def test_a_mode_needs_its_settings(words, missing):
    with pytest.raises(ValidationError, match=missing):
        DaskSettings.model_validate(words)
