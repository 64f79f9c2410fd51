"""Tests on a real Kubernetes node; `make test-cluster` runs them, nothing else does."""

import json
import sys
import time

import pytest

from support.cluster import ROOT, STORE, Release, running_cluster

SECONDS = 2400
READY_SECONDS = 360


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def cluster():
    with running_cluster() as node:
        yield node


@pytest.fixture(scope="session")
def figures():
    """What was measured; printed and written to build/cluster.json (with MinIO: cluster-minio.json) at the end."""
    found = {}
    yield found
    if not found:
        return
    name = "cluster.json" if STORE == "seaweedfs" else f"cluster-{STORE}.json"
    (ROOT / "build" / name).write_text(json.dumps(found, indent=1) + "\n")
    sys.stdout.write(f"\n{json.dumps(found, indent=1)}\n")


@pytest.fixture(scope="session")
def release(cluster, figures):
    """The kind profile in a namespace that enforces the standard "restricted"."""
    installed = Release(cluster)
    cluster.create_namespace(installed.namespace)
    started = time.monotonic()
    cluster.helm("install", *installed.arguments())
    installed.wait_ready(READY_SECONDS)
    figures["seconds_to_ready"] = round(time.monotonic() - started, 1)
    return installed
