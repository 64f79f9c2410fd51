"""Install, use, upgrade, roll back, remove: the tests stand in this order and share one release."""

import json
import time

LEAVING_SECONDS = 120
# Kinds of pods: five services, the portal, the Dask operator, PostgreSQL, the object store, Keycloak.
PARTS = 10
BAD_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "bad"},
    "spec": {
        "containers": [{"name": "bad", "image": "lumbung/base", "securityContext": {"privileged": True}}]
    },
}


def _secrets(release):
    return {
        entry["metadata"]["name"]: entry["data"]
        for entry in release.cluster.objects("secrets", release.namespace)
        if entry["type"] == "Opaque"
    }


def _pod_ids(release):
    return {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod["metadata"]["uid"]
        for pod in release.pods()
    }


def test_everything_is_ready_in_time(release, figures):
    figures["mib_at_rest"] = release.cluster.memory(release.namespace)
    assert figures["seconds_to_ready"] < 360
    figures["restarts"] = {
        pod["metadata"]["name"]: count
        for pod in release.pods()
        if (count := sum(entry["restartCount"] for entry in pod["status"]["containerStatuses"]))
    }
    assert not figures["restarts"]


def test_a_bad_pod_is_refused(release, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(BAD_POD))
    said = release.cluster.inside(
        "kubectl", "apply", "--namespace", release.namespace, "--filename", str(path)
    ).communicate()[0]
    assert "violates PodSecurity" in said


def test_the_main_job_runs_through_the_gateway(release, figures):
    started = time.monotonic()
    figures["rows"] = release.main_job()
    figures["seconds_of_helm_test"] = round(time.monotonic() - started, 1)
    figures["mib_after_helm_test"] = release.cluster.memory(release.namespace)


def test_an_upgrade_fails_no_request_keeps_secrets_and_restarts_only_what_changed(release, figures, tmp_path):
    before, pods = _secrets(release), _pod_ids(release)
    with release.steady_load(tmp_path) as said:
        release.cluster.helm(
            "upgrade", *release.arguments("--set", "catalog.config.listen.max_concurrent_calls=900")
        )
        release.wait_ready(300)
    figures["upgrade_load"] = said
    assert said["failed"] == 0, said
    assert said["answered"] > 200
    assert _secrets(release) == before
    now = _pod_ids(release)
    assert {part for part in pods if pods[part] != now[part]} == {"catalog"}


def test_a_rollback_brings_the_old_settings_back(release):
    release.cluster.helm("rollback", release.name, "--namespace", release.namespace)
    release.wait_ready(300)
    (config,) = [
        entry["data"]["config.yaml"]
        for entry in release.cluster.objects("configmaps", release.namespace)
        if entry["metadata"]["name"] == "lumbung-catalog"
    ]
    assert "max_concurrent_calls" not in config


def test_every_killed_pod_comes_back(release, figures):
    healed = {}
    for part in sorted(_pod_ids(release)):
        before, started = _pod_ids(release)[part], time.monotonic()
        release.cluster.kubectl(
            "delete", "pod", "--namespace", release.namespace, "--grace-period", "0", "--force",
            "--selector", f"app.kubernetes.io/component={part}",
        )  # fmt: skip
        while _pod_ids(release).get(part, before) == before:
            time.sleep(1)
        release.wait_ready(300)
        healed[part] = round(time.monotonic() - started, 1)
    figures["seconds_to_heal_each_killed_pod"] = healed
    assert len(healed) >= PARTS


def test_a_restarted_kubelet_harms_no_pod(release, figures):
    before, started = _started(release), time.monotonic()
    release.cluster.restart_kubelet()
    # The new kubelet says of pods that they are not ready when it first looks at them.
    time.sleep(5)
    release.wait_ready(300)
    figures["seconds_to_ready_after_kubelet_restart"] = round(time.monotonic() - started, 1)
    assert _started(release) == before


def _started(release):
    """When each container of the servers was started."""
    return {
        (pod["metadata"]["name"], entry["name"]): entry["state"]["running"]["startedAt"]
        for pod in release.pods()
        for entry in pod["status"]["containerStatuses"]
    }


def test_nothing_was_lost_or_doubled_by_all_this(release, figures):
    assert release.main_job() == figures["rows"]


def _left(release):
    """Everything in the namespace but what Kubernetes itself puts into each and the hook's job."""
    kinds = (
        "all,configmaps,secrets,serviceaccounts,networkpolicies,poddisruptionbudgets,persistentvolumeclaims,"
        "roles,rolebindings,daskclusters,daskworkergroups"
    )
    return {
        (entry["kind"], entry["metadata"]["name"])
        for entry in release.cluster.objects(kinds, release.namespace)
        if entry["metadata"]["name"] not in ("kube-root-ca.crt", "default")
        and not entry["metadata"]["name"].startswith("lumbung-test")
    }


def test_an_uninstall_leaves_claims_and_their_secrets(release):
    secrets = set(_secrets(release))
    release.cluster.helm("uninstall", release.name, "--namespace", release.namespace)
    # Pods that leave answer for a while yet.
    deadline = time.monotonic() + LEAVING_SECONDS
    while any(kind == "Pod" for kind, _ in _left(release)) and time.monotonic() < deadline:
        time.sleep(2)
    left = _left(release)
    assert {name for kind, name in left if kind == "Secret"} == secrets
    assert {kind for kind, _ in left} == {"Secret", "PersistentVolumeClaim"}


def test_an_install_on_what_was_left_has_the_same_data(release, figures):
    before = _secrets(release)
    release.cluster.helm("install", *release.arguments())
    release.wait_ready(300)
    assert _secrets(release) == before
    assert release.main_job() == figures["rows"]
