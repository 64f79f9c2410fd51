"""Every pod is restricted, every container limited, and nothing secret lies open."""

import base64

import pytest
import yaml

from support.helm import containers, of_kind, pods

# https://kubernetes.io/docs/concepts/security/pod-security-standards/
RESTRICTED_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip


def test_every_pod_is_restricted(objects):
    for pod in pods(objects).values():
        spec = pod["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["runAsGroup"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for volume in spec["volumes"]:
            assert set(volume) - {"name"} <= RESTRICTED_VOLUMES
        for container in containers(pod):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True
            assert not any("hostPort" in port for port in container.get("ports", []))


def test_pods_get_no_token_by_themselves(objects):
    for pod in pods(objects).values():
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False
    for entry in of_kind(objects, "ServiceAccount"):
        assert entry["automountServiceAccountToken"] is False


def test_every_container_has_requests_and_a_memory_limit(objects):
    for pod in pods(objects).values():
        for container in containers(pod):
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]


def test_every_scratch_folder_has_a_limit(objects):
    for pod in pods(objects).values():
        for volume in pod["spec"]["volumes"]:
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"]
        for container in containers(pod):
            assert container["volumeMounts"][0] == {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108


def test_every_server_has_all_three_probes(objects):
    for pod in pods(objects).values():
        if pod["spec"].get("restartPolicy", "Always") != "Always":
            continue
        server = pod["spec"]["containers"][0]
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(server)


@pytest.mark.parametrize("part", ["catalog", "ingest", "compute", "inference"])
def test_grpc_services_are_asked_in_grpc(rendered, part):
    server = pods(rendered["default"])[part]["spec"]["containers"][0]
    assert "grpc" in server["readinessProbe"]
    assert "grpc" in server["livenessProbe"]


def test_a_leaving_pod_has_time_for_its_calls(objects):
    for pod in pods(objects).values():
        pause = (
            pod["spec"]["containers"][0]
            .get("lifecycle", {})
            .get("preStop", {})
            .get("sleep", {})
            .get("seconds", 0)
        )
        if pause:
            assert pod["spec"]["terminationGracePeriodSeconds"] >= pause + 20


def test_a_kind_node_of_4_cpus_and_12_gib_holds_everything(rendered):
    cpu = memory = 0.0
    servers = [
        (entry["spec"]["replicas"], entry["spec"]["template"])
        for entry in of_kind(rendered["kind"], "Deployment", "StatefulSet")
    ]
    # Two runs at once.
    run_pods = pods(rendered["kind"])
    servers += [(2, run_pods["dask-scheduler"]), (4, run_pods["dask-worker"])]
    for replicas, template in servers:
        for container in template["spec"]["containers"]:
            requests = container["resources"]["requests"]
            cpu += replicas * float(requests["cpu"].removesuffix("m")) / 1000
            memory += replicas * float(requests["memory"].removesuffix("Mi"))
    assert cpu <= 1.8
    assert memory <= 6 * 1024


def test_no_secret_in_a_config_map_or_a_plain_variable(rendered):
    objects = rendered["kind"]
    secrets = {
        base64.b64decode(value).decode()
        for entry in of_kind(objects, "Secret")
        for value in entry["data"].values()
    }
    assert secrets
    open_text = [yaml.safe_dump(entry) for entry in objects if entry["kind"] != "Secret"]
    for secret in secrets:
        assert not any(secret in text for text in open_text)
    for entry in of_kind(objects, "ConfigMap"):
        for text in entry["data"].values():
            assert not {"password", "secret_key", "client_secret", "admin_secret"} & _keys(
                yaml.safe_load(text)
            )


def _keys(node):
    if isinstance(node, dict):
        return set(node) | {key for value in node.values() for key in _keys(value)}
    return {key for entry in node for key in _keys(entry)} if isinstance(node, list) else set()


def test_made_secrets_survive_an_uninstall_unless_told_otherwise(helm, rendered):
    for entry in of_kind(rendered["default"], "Secret"):
        assert entry["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    for entry in of_kind(helm.template("--set", "secrets.keep=false"), "Secret"):
        assert "annotations" not in entry["metadata"]


def test_an_existing_secret_is_used_and_not_made(helm):
    objects = helm.template("--set", "secrets.databases.existingSecret=ours")
    assert "lumbung-databases" not in {entry["metadata"]["name"] for entry in of_kind(objects, "Secret")}
    references = [
        variable["valueFrom"]["secretKeyRef"]["name"]
        for variable in pods(objects)["catalog"]["spec"]["containers"][0]["env"]
        if variable["name"] == "LUMBUNG_POSTGRES__PASSWORD"
    ]
    assert references == ["ours"]


def test_migrations_are_a_step_before_each_service(objects):
    steps = {
        part: container["command"]
        for part, pod in pods(objects).items()
        for container in pod["spec"].get("initContainers", [])
        if container["name"] == "migrate"
    }
    assert set(steps) == {"catalog", "ingest", "compute", "inference"}
    for part, command in steps.items():
        assert command[:4] == ["python3", "-m", "servicekit.postgres", f"{part}_service.storage"]
        step = pods(objects)[part]["spec"]["initContainers"][0]
        assert step["image"] == pods(objects)[part]["spec"]["containers"][0]["image"]
        named = {entry["name"] for entry in step["env"]}
        assert {"LUMBUNG_CONFIG", "LUMBUNG_POSTGRES__PASSWORD"} <= named
        assert ("lake=lake.postgres" in command) == ("LUMBUNG_LAKE__POSTGRES__PASSWORD" in named)


def test_who_verifies_tokens_starts_when_the_keys_are_there(objects):
    waiting = {
        part
        for part, pod in pods(objects).items()
        for container in pod["spec"].get("initContainers", [])
        if container["name"] == "sign-in" and container["command"][:3] == ["python3", "-m", "servicekit.auth"]
    }
    assert waiting == {"gateway", "catalog", "ingest", "compute", "inference"}
