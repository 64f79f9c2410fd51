"""Ray in its two shapes: within the pod of the service, or a head and workers that nobody else can reach."""

import pytest
import yaml

from inference_service.ray_process import PORTS

from support.helm import containers, of_kind, pods

COMPONENT = "app.kubernetes.io/component"
NODES = {"inference", "ray-worker"}


@pytest.fixture(scope="module")
def cluster(helm):
    return helm.template("--set", "inference.ray.mode=cluster")


def _settings(objects, part):
    (text,) = [
        entry["data"]["config.yaml"]
        for entry in of_kind(objects, "ConfigMap")
        if entry["metadata"]["name"] == f"lumbung-{part}"
    ]
    return yaml.safe_load(text)


def _workload(objects, part):
    (found,) = [
        entry
        for entry in of_kind(objects, "Deployment", "StatefulSet")
        if entry["metadata"]["labels"][COMPONENT] == part
    ]
    return found


def _callers(objects, part):
    """(first port, last port): callers, of a part's ingress."""
    (policy,) = [
        entry["spec"]
        for entry in of_kind(objects, "NetworkPolicy")
        if entry["spec"]["podSelector"]["matchLabels"].get(COMPONENT) == part
    ]
    return {
        (port["port"], port.get("endPort", port["port"])): {
            peer["podSelector"]["matchLabels"][COMPONENT] for peer in rule["from"] if "podSelector" in peer
        }
        for rule in policy["ingress"]
        for port in rule["ports"]
    }


def test_kind_keeps_ray_within_the_pod(rendered):
    assert "ray-worker" not in pods(rendered["kind"])
    assert _workload(rendered["kind"], "inference")["kind"] == "Deployment"
    assert not any(first != last for first, last in _callers(rendered["kind"], "inference"))
    assert _settings(rendered["kind"], "gateway")["predictions"].keys() == {"grpc", "http"}


def test_large_has_workers(rendered):
    assert "ray-worker" in pods(rendered["large"])


def test_there_is_one_head_and_it_keeps_its_state(cluster):
    head = _workload(cluster, "inference")
    assert (head["kind"], head["spec"]["replicas"]) == ("StatefulSet", 1)
    (claim,) = head["spec"]["volumeClaimTemplates"]
    (node,) = [each for each in containers(pods(cluster)["inference"]) if each["name"] == "ray"]
    (mount,) = [each for each in node["volumeMounts"] if each["name"] == claim["metadata"]["name"]]
    assert any(argument.startswith(mount["mountPath"] + "/") for argument in node["args"])


def test_both_kinds_of_node_are_watched_and_leave_in_time(cluster):
    for part in NODES:
        pod = pods(cluster)[part]["spec"]
        (node,) = [
            each for each in pod["containers"] if "inference_service.ray_node" in each.get("command", ())
        ]
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(node)
        # The node's farewell, and twice the patience with its processes.
        assert pod["terminationGracePeriodSeconds"] >= 10 + 2 * 8 + 20


def test_ray_is_for_its_nodes_and_replicas_for_the_gateway(cluster):
    base = 18000
    listen = _settings(cluster, "inference")["ray"]["listen"]
    grpc = range(listen["grpc_port"], listen["grpc_port"] + listen["ports"])
    http = range(listen["http_port"], listen["http_port"] + listen["ports"])
    single = {base + offset for name, offset in PORTS.items() if "worker" not in name} | {base + 30}
    workers = {base + PORTS["min-worker-port"], base + PORTS["max-worker-port"]}
    for part in NODES:
        callers = _callers(cluster, part)
        ranges = {ends: who for ends, who in callers.items() if ends[0] != ends[1]}
        assert ranges == {
            (min(single), max(single)): NODES,
            (min(workers), max(workers)): NODES,
            (grpc[0], grpc[-1]): {"gateway", "inference"},
            (http[0], http[-1]): {"gateway"},
        }
    assert _callers(cluster, "inference")[18073, 18073] == {"gateway", "portal", *NODES}
    assert _callers(cluster, "inference")[18053, 18053] == {"gateway"}


def test_the_gateway_asks_where_replicas_are(cluster):
    predictions = _settings(cluster, "gateway")["predictions"]
    assert predictions == {"discovery": {"target": "lumbung-inference:18053"}}
    assert _settings(cluster, "inference")["ray"]["discovery"]["port"] == 18053


def test_nodes_agree(cluster):
    service, worker = _settings(cluster, "inference"), _settings(cluster, "ray-worker")
    assert worker["ray"] == service["ray"]
    assert set(worker) == set(service) - {"listen", "postgres"}


def test_what_is_laid_over_inference_holds_on_workers_too(helm):
    objects = helm.template(
        "--set",
        "inference.ray.mode=cluster,inference.config.limits.replica.max_run_seconds=3,inference.config.listen.port=4321",
    )
    for part in NODES:
        assert _settings(objects, part)["limits"]["replica"] == {"max_run_seconds": 3}
    assert "listen" not in _settings(objects, "ray-worker")


def test_a_workers_processes_get_no_secret_but_rays_token(cluster):
    pod = pods(cluster)["ray-worker"]["spec"]
    (node,) = pod["containers"]
    assert not [
        entry["name"]
        for entry in node["env"]
        if "valueFrom" in entry and "secretKeyRef" in entry["valueFrom"]
    ]
    (step,) = pod["initContainers"]
    secrets = {
        (entry["valueFrom"]["secretKeyRef"]["name"], entry["valueFrom"]["secretKeyRef"]["key"])
        for entry in step["env"]
        if "valueFrom" in entry
    }
    assert secrets == {("lumbung-clients", "svc-inference"), ("lumbung-objectstore", "secret-key")}
    mounted = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    assert mounted == {"lumbung-ray"}
    assert any("medium" in volume["emptyDir"] for volume in pod["volumes"] if volume["name"] == "replica")


def test_workers_find_a_head_that_is_not_ready_yet(cluster):
    (service,) = [
        entry["spec"]
        for entry in of_kind(cluster, "Service")
        if entry["metadata"]["name"] == "lumbung-ray-head"
    ]
    assert service["publishNotReadyAddresses"] is True
    assert service["selector"][COMPONENT] == "inference"
    assert "lumbung-ray-head:18030" in pods(cluster)["ray-worker"]["spec"]["containers"][0]["args"]


def test_the_service_counts_the_workers_that_are_ready(cluster):
    name = _settings(cluster, "inference")["ray"]["workers"]
    (service,) = [entry["spec"] for entry in of_kind(cluster, "Service") if entry["metadata"]["name"] == name]
    assert service["clusterIP"] == "None"
    assert "publishNotReadyAddresses" not in service
    assert service["selector"][COMPONENT] == "ray-worker"
