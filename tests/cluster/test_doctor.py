"""`lumbung doctor` on a real cluster in which each thing that it looks for is wrong."""

import json
import time

import pytest

from lumbung.config import Endpoints
from lumbung.doctor.cluster import Cluster
from lumbung.doctor.examine import examine
from lumbung.doctor.site import Site
from platformimages.build import OUTPUT, known

NAMESPACE = "lumbung-doctor"
SECONDS = 120
LABELS = {"app.kubernetes.io/instance": "lumbung"}
WRONG = {
    "image_missing",
    "secret_missing",
    "container_fails",
    "pod_unschedulable",
    "job_failed",
    "quota_exceeded",
    "claim_not_bound",
}


def _pod(name, **changes):
    container = {
        "name": "main",
        "image": known()["base"].reference,
        "command": ["/usr/bin/python3", "-c", "raise SystemExit('settings are wrong: listen.port')"],
        "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "1m", "memory": "16Mi"}},
        **changes,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }


def _objects():
    reference = {"secretKeyRef": {"name": "ours", "key": "password"}}
    huge = {"limits": {"memory": "9000Gi"}, "requests": {"cpu": "1m", "memory": "9000Gi"}}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "setup-bucket", "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {**_pod("job")["spec"], "restartPolicy": "Never"},
            },
        },
    }
    replicas = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "over-quota", "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "over-quota"}},
            "template": {
                "metadata": {"labels": {"app": "over-quota"}},
                "spec": _pod("x", resources={"limits": {"cpu": "1"}, "requests": {"cpu": "1"}})["spec"],
            },
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "not-there",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small", "namespace": NAMESPACE},
        "spec": {"hard": {"requests.cpu": "500m"}},
    }
    return [
        quota,
        _pod("no-image", image="lumbung/not-there:1", imagePullPolicy="IfNotPresent"),
        _pod("no-secret", env=[{"name": "PASSWORD", "valueFrom": reference}]),
        _pod("fails"),
        _pod("too-large", resources=huge),
        job,
        replicas,
        claim,
    ]


@pytest.fixture
def release(cluster, tmp_path):
    """A release of which nothing works."""
    cluster.run("load", str(OUTPUT / known()["base"].archive))
    path = tmp_path / "objects.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": _objects()}))
    cluster.kubectl("create", "namespace", NAMESPACE)
    said = cluster.inside("kubectl", "apply", "--filename", str(path)).communicate(timeout=60)[0]
    assert "created" in said, said
    yield Cluster(NAMESPACE, program=(str(cluster.script), "kubectl"))
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_each_is_found_with_its_place_and_a_remedy(release):
    site = Site(Endpoints("127.0.0.1:1", "http://127.0.0.1:1"), cluster=release)
    deadline = time.monotonic() + SECONDS
    while True:
        found = examine(site)
        if {finding.check for finding in found} >= WRONG or time.monotonic() > deadline:
            break
        time.sleep(3)
    told = {finding.check: finding for finding in found}
    assert set(told) >= WRONG, sorted(told)
    assert told["image_missing"].place == "pod/no-image (main)"
    assert "lumbung/not-there:1" in told["image_missing"].what[0]
    assert "ours" in told["secret_missing"].what[1]
    assert "settings are wrong: listen.port" in told["container_fails"].what[0]
    assert "settings are wrong: listen.port" in told["job_failed"].what[0]
    assert told["quota_exceeded"].place.startswith("replicaset/over-quota")
    assert "not-there" in told["claim_not_bound"].what[0]
