"""Every profile is taken by a real API server that enforces Pod Security `restricted`, field by field."""

import json

import pytest

from support.helm import NAMESPACE, PROFILES, helm_or_skip
from support.restricted import restricted_namespace

# Kinds that an operator of somebody else's brings; this node has none of them.
NOT_HERE = {"monitoring.coreos.com", "cert-manager.io"}


@pytest.fixture(scope="module")
def namespace(cluster):
    with restricted_namespace(cluster, NAMESPACE) as found:
        cluster.kubectl(
            "label", "namespace", found.name, "pod-security.kubernetes.io/warn=restricted"
        )  # a workload that makes bad pods is only warned of
        yield found


@pytest.mark.parametrize("profile", ["default", *PROFILES])
def test_the_api_server_takes_the_whole_profile(cluster, namespace, tmp_path, profile):
    objects = [
        entry
        for entry in helm_or_skip().profile(profile)
        if entry["apiVersion"].partition("/")[0] not in NOT_HERE
    ]
    path = tmp_path / "objects.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    process = cluster.inside(
        "kubectl", "apply", "--server-side", "--dry-run=server", "--validate=strict",
        "--namespace", namespace.name, "--filename", str(path),
    )  # fmt: skip
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said[-4000:]
    assert "Warning" not in said, said
    assert said.count("serverside-applied (server dry run)") == len(objects), said
