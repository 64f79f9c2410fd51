"""Ray with a worker of its own: predictions go on while nodes die, and the capacity comes back.

On the release of test_install.py, or a fresh one with the main job's model in it.
"""

import re
import sys
import time

import pytest

MODEL = "next_year_realisation"
SECONDS = 300
MODE = "inference.ray.mode=cluster,inference.ray.worker.replicas=1"
METRICS = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())"
MEMBERS = re.compile(
    r'^envoy_cluster_membership_total\{envoy_cluster_name="serve_http"\} (\d+)$', re.MULTILINE
)


@pytest.fixture(scope="module")
def ray(release, figures):
    """The release with a head and a worker; afterwards as before."""
    if "rows" not in figures:
        figures["rows"] = release.main_job()
    started = time.monotonic()
    release.cluster.helm("upgrade", *release.arguments("--set", MODE))
    release.wait_ready(SECONDS)
    _wait_for_replicas(release, 2)
    figures["seconds_to_a_ray_cluster"] = round(time.monotonic() - started, 1)
    yield release
    release.cluster.helm("upgrade", *release.arguments())
    release.wait_ready(SECONDS)


def _pod(release, part):
    (pod,) = [
        pod for pod in release.pods() if pod["metadata"]["labels"]["app.kubernetes.io/component"] == part
    ]
    return pod


def _replicas(release):
    """How many the gateway sends predictions to."""
    address = _pod(release, "gateway")["status"]["podIP"]
    said = release.cluster.inside(
        sys.executable, "-c", METRICS, f"http://{address}:18009/metrics"
    ).communicate()[0]
    found = MEMBERS.search(said)
    return int(found[1]) if found else None


def _wait_for_replicas(release, number):
    deadline = time.monotonic() + SECONDS
    while (found := _replicas(release)) != number:
        assert time.monotonic() < deadline, f"{found} replicas, not {number}\n{release.told()}"
        time.sleep(0.5)


def _kill(release, part):
    release.cluster.kubectl(
        "delete", "pod", "--namespace", release.namespace, "--grace-period", "0", "--force",
        "--selector", f"app.kubernetes.io/component={part}",
    )  # fmt: skip


def test_each_node_has_a_replica(ray, figures):
    figures["mib_of_a_ray_cluster"] = {
        name: mib
        for name, mib in ray.cluster.memory(ray.namespace).items()
        if name.startswith(("lumbung-inference", "lumbung-ray"))
    }
    addresses = {_pod(ray, part)["status"]["podIP"] for part in ("inference", "ray-worker")}
    assert len(addresses) == 2
    assert _replicas(ray) == 2


def test_a_killed_worker_costs_no_prediction_and_comes_back(ray, figures, tmp_path):
    with ray.steady_load(tmp_path, "--predict", MODEL, settle_seconds=5) as said:
        started = time.monotonic()
        _kill(ray, "ray-worker")
        _wait_for_replicas(ray, 1)
        _wait_for_replicas(ray, 2)
        seconds = round(time.monotonic() - started, 1)
    figures["killed_ray_worker"] = said | {"seconds_to_both": seconds}
    assert said["failed"] == 0, said
    assert said["answered"] > 100


def test_a_worker_that_leaves_costs_no_prediction(ray, figures, tmp_path):
    """As a node is drained, or the scaler takes one away."""
    with ray.steady_load(tmp_path, "--predict", MODEL, settle_seconds=5) as said:
        name = _pod(ray, "ray-worker")["metadata"]["name"]
        ray.cluster.kubectl("delete", "pod", name, "--namespace", ray.namespace)
        ray.wait_ready(SECONDS)
        _wait_for_replicas(ray, 2)
    figures["left_ray_worker"] = said
    assert said["failed"] == 0, said


def test_a_killed_head_costs_no_prediction(ray, figures, tmp_path):
    with ray.steady_load(tmp_path, "--predict", MODEL, settle_seconds=5) as said:
        started = time.monotonic()
        _kill(ray, "inference")
        # Until the gateway has seen both that it is gone and that it is back.
        _wait_for_replicas(ray, 1)
        ray.wait_ready(SECONDS)
        _wait_for_replicas(ray, 2)
        seconds = round(time.monotonic() - started, 1)
    figures["killed_ray_head"] = said | {"seconds_to_both": seconds}
    assert said["failed"] == 0, said


def test_a_deploy_reaches_both(ray, figures):
    assert ray.main_job() == figures["rows"]
