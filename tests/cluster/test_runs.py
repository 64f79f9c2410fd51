"""A run's own pods: there while it runs, gone afterwards, and the result is right whatever dies in between.

On the release of test_install.py, or a fresh one with the main job's tables in it.
"""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from compute_service.executor.cluster_manifest import cluster_manifest
from compute_service.executor.cluster_state import is_ready

PIPELINE = "apbd_by_province"
RUN = "lumbung/run"
KINDS = "daskclusters,daskworkergroups,deployments,services,pods"
GONE_SECONDS = 60
SWEPT_SECONDS = 120


@pytest.fixture(scope="module")
def prepared(release, figures):
    if "rows" not in figures:
        figures["rows"] = release.main_job()
    return release


class WatchedRun:
    """A run, its pods as they were seen, and how it ended."""

    def __init__(self, release, folder, *arguments):
        self.release, self.seen = release, {}
        self._process = release.caller("clusterrun", folder, PIPELINE, *arguments)
        self.name = self._process.stdout.readline().strip()
        assert self.name.startswith("pipelines/"), self.name + self._process.communicate()[0]
        self.run = self.name.rsplit("/", 1)[1]

    def objects(self, kinds="pods"):
        return self.release.cluster.objects(kinds, self.release.namespace, "--selector", f"{RUN}={self.run}")

    def wait_for(self, component, condition="Ready"):
        """The first pod of the scheduler or a worker that is so far."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self._process.poll() is None:
            for pod in self.objects():
                states = pod["status"].get("conditions", [])
                so_far = any(entry["type"] == condition and entry["status"] == "True" for entry in states)
                if so_far and pod["metadata"]["labels"]["dask.org/component"] == component:
                    return pod
        pytest.fail(f"no {component} of {self.run} was {condition}")

    def kill(self, pod):
        self.release.cluster.kubectl(
            "delete", "pod", pod["metadata"]["name"], "--namespace", self.release.namespace,
            "--grace-period", "0", "--force",
        )  # fmt: skip

    def end(self):
        """The run as it ended, when nothing of it is left."""
        while self._process.poll() is None:
            for pod in self.objects():
                self.seen[pod["metadata"]["name"]] = pod
        ended = json.loads(self._process.communicate()[0].splitlines()[-1])
        deadline = time.monotonic() + GONE_SECONDS
        while left := self.objects(KINDS):
            names = [f"{entry['kind']}/{entry['metadata']['name']}" for entry in left]
            assert time.monotonic() < deadline, f"left behind: {names}"
            time.sleep(0.5)
        return ended


def _succeeded(release, ended):
    assert ended["state"] == "STATE_SUCCEEDED", ended
    written = {name: int(rows) for name, rows in ended["rows_written"].items()}
    assert written == {"apbd_by_province": 8976, "apbd_reconciliation": 264}, ended
    return ended


def test_a_run_has_pods_of_its_own(prepared, figures, tmp_path):
    watched = WatchedRun(prepared, tmp_path)
    ended = _succeeded(prepared, watched.end())
    figures["seconds_of_a_run_with_its_pods"] = ended["seconds"]
    pods = {pod["metadata"]["labels"]["dask.org/component"]: pod for pod in watched.seen.values()}
    assert set(pods) == {"scheduler", "worker"}
    for part, pod in pods.items():
        assert pod["metadata"]["name"].startswith(f"run-{watched.run}-")
        assert pod["spec"]["serviceAccountName"] == f"lumbung-dask-{part}"
        assert not any("projected" in volume for volume in pod["spec"]["volumes"])


def test_a_killed_worker_costs_nothing(prepared, figures, tmp_path):
    watched = WatchedRun(prepared, tmp_path)
    watched.kill(watched.wait_for("worker"))
    figures["seconds_of_a_run_with_a_killed_worker"] = _succeeded(prepared, watched.end())["seconds"]


def test_a_killed_scheduler_has_the_run_tried_again(prepared, figures, tmp_path):
    watched = WatchedRun(prepared, tmp_path)
    watched.wait_for("worker")
    watched.kill(watched.wait_for("scheduler"))
    figures["seconds_of_a_run_with_a_killed_scheduler"] = _succeeded(prepared, watched.end())["seconds"]


def test_a_killed_service_leaves_no_pods_and_the_run_is_taken_up(prepared, figures, tmp_path):
    watched = WatchedRun(prepared, tmp_path)
    watched.wait_for("scheduler", "PodScheduled")
    prepared.cluster.kubectl(
        "delete", "pod", "--namespace", prepared.namespace, "--grace-period", "0", "--force",
        "--selector", "app.kubernetes.io/component=compute",
    )  # fmt: skip
    figures["seconds_of_a_run_with_a_killed_service"] = _succeeded(prepared, watched.end())["seconds"]
    prepared.wait_ready(300)


def test_a_cancelled_run_leaves_no_pods(prepared, tmp_path):
    watched = WatchedRun(prepared, tmp_path, "--cancel-after", "2")
    watched.wait_for("scheduler", "PodScheduled")
    assert watched.end()["state"] == "STATE_CANCELLED"


def _create(release, folder, manifest):
    path = folder / f"{manifest['metadata']['name']}.json"
    path.write_text(json.dumps(manifest))
    release.cluster.kubectl("create", "--namespace", release.namespace, "--filename", str(path))


def _manifest(release, name, **changes):
    """The cluster that compute would ask for."""
    (config_map,) = [
        entry
        for entry in release.cluster.objects("configmaps", release.namespace)
        if "cluster.yaml" in entry.get("data", {})
    ]
    metadata = config_map["metadata"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": metadata["name"], "uid": metadata["uid"]}
    template = yaml.safe_load(config_map["data"]["cluster.yaml"])
    expires = datetime.now(UTC) + timedelta(hours=1)
    words = {"run": name, "workers": 2, "owner": owner, "expires": expires, **changes}
    return cluster_manifest(template, name, **words)


def _wait(condition, seconds):
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        time.sleep(0.2)
    return round(time.monotonic() - started, 1)


def test_what_a_cluster_costs(prepared, figures, tmp_path):
    manifest = _manifest(prepared, "costs")
    # Nobody looks for it: it is of no run.
    del manifest["metadata"]["labels"][RUN]
    mine = ("--selector", "dask.org/cluster-name=costs")
    _create(prepared, tmp_path, manifest)
    ready = _wait(lambda: is_ready(prepared.cluster.objects("pods", prepared.namespace, *mine)), GONE_SECONDS)
    time.sleep(20)  # the node's figures are that old
    memory = {
        name: mib
        for name, mib in prepared.cluster.memory(prepared.namespace).items()
        if name.startswith("costs-") or "operator" in name
    }
    prepared.cluster.kubectl("delete", "daskcluster", "costs", "--namespace", prepared.namespace)
    gone = _wait(
        lambda: not prepared.cluster.objects("pods,deployments", prepared.namespace, *mine), GONE_SECONDS
    )
    figures["cluster_of_a_run"] = {"seconds_to_ready": ready, "seconds_to_gone": gone, "mib": memory}


def test_leftovers_are_found(prepared, figures, tmp_path):
    """A cluster of a run that nobody knows, and one that compute does not look for and whose time is over."""
    _create(prepared, tmp_path, _manifest(prepared, "unknown"))
    expired = _manifest(prepared, "expired", expires=datetime.now(UTC) - timedelta(hours=1))
    expired["metadata"]["labels"] = {}
    _create(prepared, tmp_path, expired)
    figures["seconds_to_sweep"] = _wait(
        lambda: not prepared.cluster.objects("daskclusters,daskworkergroups", prepared.namespace),
        SWEPT_SECONDS,
    )


@pytest.fixture
def impatient(prepared):
    """Compute that gives up soon, in a namespace whose quota is used up; afterwards as before."""
    settings = "compute.config.dask.run_cluster.ready_seconds=10,compute.config.pipelines.attempts=1"
    prepared.cluster.helm("upgrade", *prepared.arguments("--set", settings))
    prepared.wait_ready(300)
    # The pods that are there stay; none is added.
    prepared.cluster.kubectl("create", "quota", "full", "--hard=pods=1", "--namespace", prepared.namespace)
    yield prepared
    prepared.cluster.kubectl("delete", "quota", "full", "--namespace", prepared.namespace)
    prepared.cluster.helm("upgrade", *prepared.arguments())
    prepared.wait_ready(300)


def test_a_quota_that_is_used_up_is_named(impatient, tmp_path):
    ended = WatchedRun(impatient, tmp_path).end()
    assert ended["state"] == "STATE_FAILED"
    assert "the namespace's quota does not let the pods in" in ended["message"], ended
