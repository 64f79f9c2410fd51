"""What goes wrong around a release, one thing at a time: parts wait or say what is missing, nothing crash-loops, no row is lost.

On the release of test_install.py, or a fresh one with the main job's tables in it.
"""

import time
from contextlib import contextmanager

import pytest

from lumbung.config import Endpoints
from lumbung.doctor.cluster import Cluster
from lumbung.doctor.examine import examine
from lumbung.doctor.site import Site

GREEN_SECONDS = 300
AWAY_SECONDS = 45
SLOW_SECONDS = 12
TOLD_SECONDS = 180
# Stops every other process of the container for a while: a server that is slow, not away.
PAUSE = """
import os, pathlib, signal, sys, time
others = [int(p.name) for p in pathlib.Path("/proc").iterdir() if p.name.isdigit() and int(p.name) not in (1, os.getpid())]
for process in others: os.kill(process, signal.SIGSTOP)
time.sleep(float(sys.argv[1]))
for process in others: os.kill(process, signal.SIGCONT)
"""


@pytest.fixture(scope="module")
def prepared(release, figures):
    if "rows" not in figures:
        figures["rows"] = release.main_job()
    return release


@pytest.fixture(autouse=True)
def same_rows_afterwards(prepared, figures):
    """Green again, and every table has as many rows as before, also after the main job ran once more."""
    yield
    prepared.wait_ready(GREEN_SECONDS)
    assert prepared.main_job() == figures["rows"]


def _kubectl(release, *arguments, check=True):
    return release.cluster.kubectl("--namespace", release.namespace, *arguments, check=check)


def _restarts(release):
    return {
        pod["metadata"]["name"]: sum(entry["restartCount"] for entry in pod["status"]["containerStatuses"])
        for pod in release.pods()
    }


def _told(release, check):
    """What the doctor finds of this kind, when it has found it."""
    program = (str(release.cluster.script), "kubectl")
    site = Site(
        Endpoints("127.0.0.1:1", "http://127.0.0.1:1"), cluster=Cluster(release.namespace, program=program)
    )
    deadline = time.monotonic() + TOLD_SECONDS
    while time.monotonic() < deadline:
        found = [finding for finding in examine(site) if finding.check == check]
        if found:
            return found[0]
        time.sleep(3)
    pytest.fail(f"the doctor did not find {check}: {examine(site)}")


@contextmanager
def _away(release, kind, name):
    """A part that is not there."""
    _kubectl(release, "scale", kind, name, "--replicas=0")
    _kubectl(release, "wait", "pod", "--for=delete", "--timeout=120s", "--selector", _selector(name))
    try:
        yield
    finally:
        _kubectl(release, "scale", kind, name, "--replicas=1")


def _selector(name):
    return f"app.kubernetes.io/component={name.removeprefix('lumbung-')}"


def _start_anew(release, *parts):
    for part in parts:
        _kubectl(
            release, "delete", "pod", "--wait=false", "--selector", f"app.kubernetes.io/component={part}"
        )


@pytest.mark.parametrize(
    ("kind", "name", "callers"),
    [
        ("statefulset", "lumbung-postgres", ("catalog", "ingest", "compute", "inference", "keycloak")),
        ("statefulset", "lumbung-objectstore", ("ingest", "compute", "inference")),
        (
            "deployment",
            "lumbung-keycloak",
            ("catalog", "ingest", "compute", "inference", "gateway", "portal"),
        ),
    ],
)
def test_parts_that_start_before_the_server_they_need_wait_for_it(prepared, kind, name, callers):
    with _away(prepared, kind, name):
        _start_anew(prepared, *callers)
        time.sleep(AWAY_SECONDS)
        waiting = _restarts(prepared)
    prepared.wait_ready(GREEN_SECONDS)
    ours = {pod: count for pod, count in waiting.items() if any(f"-{part}-" in pod for part in callers)}
    assert ours
    assert set(ours.values()) == {0}, ours


def test_a_slow_database_delays_and_does_not_restart_anything(prepared, tmp_path):
    before = _restarts(prepared)
    with prepared.steady_load(tmp_path) as said:
        _kubectl(
            prepared, "exec", "lumbung-postgres-0", "--", "/usr/bin/python3", "-c", PAUSE, str(SLOW_SECONDS)
        )
    assert _restarts(prepared) == before
    assert said["slowest_seconds"] < 2 * SLOW_SECONDS
    assert said["answered"] > 200


def test_a_drained_node_gets_its_pods_back(prepared, figures):
    before = {pod["metadata"]["uid"] for pod in prepared.pods()}
    begun = time.monotonic()
    prepared.cluster.kubectl(
        "drain", "node1", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=240s",
        "--pod-selector=app.kubernetes.io/instance=lumbung",
    )  # fmt: skip
    figures["seconds_to_drain"] = round(time.monotonic() - begun, 1)
    prepared.cluster.kubectl("uncordon", "node1")
    prepared.wait_ready(GREEN_SECONDS)
    assert not before & {pod["metadata"]["uid"] for pod in prepared.pods()}


def test_a_service_with_too_little_memory_is_named_and_the_old_pod_goes_on(prepared, tmp_path):
    with prepared.steady_load(tmp_path) as said:
        # Less than its libraries take.
        prepared.cluster.helm(
            "upgrade",
            *prepared.arguments(
                "--set", "catalog.resources.limits.memory=24Mi,catalog.resources.requests.memory=24Mi"
            ),
        )
        told = _told(prepared, "out_of_memory")
        prepared.cluster.helm("rollback", prepared.name, "--namespace", prepared.namespace)
        prepared.wait_ready(GREEN_SECONDS)
    assert told.place.startswith("pod/lumbung-catalog-"), told
    assert "resources.limits.memory" in told.remedy[0]
    assert said["failed"] == 0, said


@pytest.mark.parametrize(
    ("values", "check", "words"),
    [
        ("catalog.image.tag=not-there", "image_missing", "lumbung/catalog:not-there"),
        ("secrets.clients.existingSecret=not-there", "secret_missing", "not-there"),
    ],
)
def test_an_upgrade_that_cannot_start_says_why_and_the_old_pods_go_on(
    prepared, tmp_path, values, check, words
):
    with prepared.steady_load(tmp_path) as said:
        prepared.cluster.helm("upgrade", *prepared.arguments("--set", values))
        told = _told(prepared, check)
        prepared.cluster.helm("rollback", prepared.name, "--namespace", prepared.namespace)
        prepared.wait_ready(GREEN_SECONDS)
    assert words in told.what[0], told
    assert said["failed"] == 0, said
    assert said["answered"] > 100
