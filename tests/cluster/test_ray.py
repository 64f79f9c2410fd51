"""Ray with a worker of its own: predictions go on while nodes die, and the capacity comes back.

On the release of test_install.py, or a fresh one with the main job's model in it.
"""

import re
import time

import pytest

MODEL = "next_year_realisation"
SECONDS = 300
MODE = "inference.ray.mode=cluster,inference.ray.worker.replicas=1"
PARTS = ("inference", "ray-worker")
ADMINISTRATION = "http://127.0.0.1:18001/clusters"
FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())"
MEMBER = re.compile(r"^serve_http::([0-9.]+):[0-9]+::", re.MULTILINE)


@pytest.fixture(scope="module")
def ray(release, figures):
    """The release with a head and a worker; afterwards as before."""
    if "rows" not in figures:
        figures["rows"] = release.main_job()
    started = time.monotonic()
    release.cluster.helm("upgrade", *release.arguments("--set", MODE))
    release.wait_ready(SECONDS)
    _wait_until_reached(release)
    figures["seconds_to_a_ray_cluster"] = round(time.monotonic() - started, 1)
    yield release
    release.cluster.helm("upgrade", *release.arguments())
    release.wait_ready(SECONDS)


def _addresses(release, part):
    return {
        pod["status"].get("podIP")
        for pod in release.pods()
        if pod["metadata"]["labels"]["app.kubernetes.io/component"] == part
    }


def _reached(release):
    """Where the gateway sends predictions, by its own administration page, which no other pod can ask."""
    said = release.cluster.kubectl(
        "exec", "deployment/lumbung-gateway", "--namespace", release.namespace, "--",
        "/usr/bin/python3", "-c", FETCH, ADMINISTRATION,
    )  # fmt: skip
    return set(MEMBER.findall(said))


def _wait_until_reached(release, without=None):
    """Until the gateway sends to a replica of each part, and no longer to one that is gone."""
    deadline = time.monotonic() + SECONDS
    while True:
        wanted = [_addresses(release, part) for part in PARTS]
        found = _reached(release)
        if all(len(pods) == 1 for pods in wanted) and found == set.union(*wanted) and without not in found:
            return
        assert time.monotonic() < deadline, f"{found}, not {wanted}\n{release.told()}"
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
    assert _reached(ray) == set.union(*(_addresses(ray, part) for part in PARTS))
    assert len(_reached(ray)) == 2


def test_a_killed_worker_costs_no_prediction_and_comes_back(ray, figures, tmp_path):
    with ray.steady_load(tmp_path, "--predict", MODEL, settle_seconds=5) as said:
        (gone,) = _addresses(ray, "ray-worker")
        started = time.monotonic()
        _kill(ray, "ray-worker")
        _wait_until_reached(ray, without=gone)
        seconds = round(time.monotonic() - started, 1)
    figures["killed_ray_worker"] = said | {"seconds_to_both": seconds}
    assert said["failed"] == 0, said
    assert said["answered"] > 100


def test_a_worker_that_leaves_costs_no_prediction(ray, figures, tmp_path):
    """As a node is drained, or the scaler takes one away."""
    with ray.steady_load(tmp_path, "--predict", MODEL, settle_seconds=5) as said:
        (gone,) = _addresses(ray, "ray-worker")
        ray.cluster.kubectl(
            "delete",
            "pod",
            "--namespace",
            ray.namespace,
            "--selector",
            "app.kubernetes.io/component=ray-worker",
        )
        ray.wait_ready(SECONDS)
        _wait_until_reached(ray, without=gone)
    figures["left_ray_worker"] = said
    assert said["failed"] == 0, said


def test_a_killed_head_costs_no_prediction(ray, figures, tmp_path):
    with ray.steady_load(tmp_path, "--predict", MODEL, settle_seconds=5) as said:
        (gone,) = _addresses(ray, "inference")
        started = time.monotonic()
        _kill(ray, "inference")
        ray.wait_ready(SECONDS)
        # Its directory knows nobody at first: the gateway keeps what it had until all have reported.
        _wait_until_reached(ray, without=gone)
        seconds = round(time.monotonic() - started, 1)
    figures["killed_ray_head"] = said | {"seconds_to_both": seconds}
    assert said["failed"] == 0, said


def test_a_deploy_reaches_both(ray, figures):
    assert ray.main_job() == figures["rows"]
