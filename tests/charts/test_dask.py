"""Dask in its two shapes: pods for each run, or a cluster that stands."""

import kubernetes_validate
import pytest
import yaml

from compute_service.executor.cluster_manifest import RUN

from support.helm import CHART, containers, of_kind, pods, run_clusters

COMPONENT = "app.kubernetes.io/component"
API_SERVER = {443, 6443}
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture(scope="module")
def per_run(rendered):
    return rendered["kind"]


def _rules(objects, part):
    return [
        rule
        for entry in of_kind(objects, "Role")
        if entry["metadata"]["labels"][COMPONENT] == part
        for rule in entry["rules"]
    ]


def test_the_shapes_exclude_each_other(rendered):
    for name, objects in rendered.items():
        deployments = {entry["metadata"]["labels"][COMPONENT] for entry in of_kind(objects, "Deployment")}
        standing = {"dask-scheduler", "dask-worker"} & deployments
        assert bool(standing) != bool(run_clusters(objects)), name
        assert ("dask-operator" in deployments) == bool(run_clusters(objects)), name
        assert bool(of_kind(objects, "Role")) == bool(run_clusters(objects)), name


def test_kind_runs_in_pods_of_the_run(per_run):
    assert run_clusters(per_run)


@pytest.mark.parametrize("version", ["1.34", kubernetes_validate.latest_version()])
def test_kubernetes_knows_every_field_of_a_runs_pods(per_run, version):
    (cluster,) = run_clusters(per_run)
    for part in cluster["spec"].values():
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {**part["metadata"], "name": "x"}}
        kubernetes_validate.validate({**pod, "spec": part["spec"]}, version, strict=True)
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}}
    spec = cluster["spec"]["scheduler"]["service"]
    kubernetes_validate.validate({**service, "spec": spec}, version, strict=True)


def test_the_definitions_are_valid_and_fit_the_cluster(per_run):
    definitions = list(yaml.safe_load_all((CHART / "crds" / "dask.yaml").read_text()))
    for definition in definitions:
        kubernetes_validate.validate(definition, "1.34", strict=True)
    (cluster,) = run_clusters(per_run)
    kinds = {entry["spec"]["names"]["kind"]: entry["spec"] for entry in definitions}
    spec = kinds[cluster["kind"]]
    assert cluster["apiVersion"] == f"{spec['group']}/{spec['versions'][0]['name']}"
    schema = spec["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert set(schema["required"]) <= set(cluster["spec"])


def test_a_worker_gets_the_lake_and_nothing_else(per_run):
    for part, allowed in (
        ("dask-worker", {("lumbung-databases", "lumbung_lake"), ("lumbung-objectstore", "secret-key")}),
        ("dask-scheduler", set()),
    ):
        pod = pods(per_run)[part]
        found = {
            (reference["name"], reference["key"])
            for container in containers(pod)
            for variable in container["env"]
            if (reference := variable.get("valueFrom", {}).get("secretKeyRef"))
        }
        assert found == allowed
        secrets = {volume["secret"]["secretName"] for volume in pod["spec"]["volumes"] if "secret" in volume}
        assert secrets == {"lumbung-dask-tls"}
        assert pod["spec"]["serviceAccountName"] == f"lumbung-{part}"
        assert not any("projected" in volume for volume in pod["spec"]["volumes"])


def test_only_compute_and_the_operator_may_ask_the_api_server(per_run):
    with_token = {
        part
        for part, pod in pods(per_run).items()
        for container in containers(pod)
        if any(mount["mountPath"] == TOKEN for mount in container["volumeMounts"])
    }
    policies = {
        entry["spec"]["podSelector"]["matchLabels"].get(COMPONENT): entry["spec"]
        for entry in of_kind(per_run, "NetworkPolicy")
    }
    reach = {
        part
        for part, policy in policies.items()
        for rule in policy.get("egress", [])
        if {port["port"] for port in rule["ports"]} <= API_SERVER
        and any("ipBlock" in peer for peer in rule["to"])
    }
    assert with_token == reach == {"compute", "dask-operator"}


def test_rights_are_few_and_in_the_namespace(per_run):
    assert not of_kind(per_run, "ClusterRole", "ClusterRoleBinding")
    everything = [*_rules(per_run, "compute"), *_rules(per_run, "dask-operator")]
    assert everything
    for rule in everything:
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
        assert not {"secrets", "serviceaccounts", "roles", "pods/exec"} & set(rule["resources"])
    written = {
        (rule["apiGroups"][0], resource)
        for rule in _rules(per_run, "compute")
        for resource in rule["resources"]
        if {"create", "delete", "update", "patch"} & set(rule["verbs"])
    }
    assert written == {("kubernetes.dask.org", "daskclusters")}
    for binding in of_kind(per_run, "RoleBinding"):
        (subject,) = binding["subjects"]
        assert subject["name"] == binding["metadata"]["name"] == binding["roleRef"]["name"]


def test_runs_find_their_policies(per_run):
    policies = [
        entry["spec"]["podSelector"]["matchLabels"]
        for entry in of_kind(per_run, "NetworkPolicy")
        if COMPONENT in entry["spec"]["podSelector"]["matchLabels"]
    ]
    (cluster,) = run_clusters(per_run)
    for part in cluster["spec"].values():
        labels = part["metadata"]["labels"]
        assert any(set(selected.items()) <= set(labels.items()) for selected in policies)
        # Compute adds it.
        assert RUN not in labels


def test_a_standing_cluster_is_one_value(helm):
    objects = helm.template("--set", "dask.mode=static")
    assert not run_clusters(objects)
    (text,) = [
        entry["data"]["config.yaml"]
        for entry in of_kind(objects, "ConfigMap")
        if entry["metadata"]["name"] == "lumbung-compute"
    ]
    assert yaml.safe_load(text)["dask"]["scheduler"] == "tls://lumbung-dask-scheduler:8786"
