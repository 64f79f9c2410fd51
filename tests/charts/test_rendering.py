"""Every profile renders to objects that Kubernetes knows."""

import kubernetes_validate
import pytest

from support.helm import CHART, PROFILES, of_kind

VERSIONS = ("1.34", kubernetes_validate.latest_version())
# Objects of other people's definitions, which the validator does not have.
FOREIGN = ("cert-manager.io/v1", "monitoring.coreos.com/v1")


@pytest.mark.parametrize("profile", PROFILES)
def test_lint(helm, profile):
    done = helm.run("lint", "--strict", str(CHART), "--values", str(CHART / f"values-{profile}.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(objects, version):
    for entry in objects:
        if entry["apiVersion"] not in FOREIGN:
            kubernetes_validate.validate(entry, version, strict=True)


def test_names_are_told_apart(objects):
    names = [(entry["kind"], entry["metadata"]["name"]) for entry in objects]
    assert len(names) == len(set(names))


def test_everything_is_in_the_namespace_and_labelled(objects):
    for entry in objects:
        metadata = entry["metadata"]
        assert metadata["namespace"] == "lumbung-test"
        assert metadata["labels"]["app.kubernetes.io/instance"] == "lumbung"


def test_a_part_has_its_service_account_and_budget(objects):
    accounts = {entry["metadata"]["name"] for entry in of_kind(objects, "ServiceAccount")}
    budgets = {
        entry["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]
        for entry in of_kind(objects, "PodDisruptionBudget")
    }
    for entry in of_kind(objects, "Deployment", "StatefulSet", "Job"):
        assert entry["spec"]["template"]["spec"]["serviceAccountName"] in accounts
        if entry["kind"] != "Job":
            assert entry["metadata"]["labels"]["app.kubernetes.io/component"] in budgets


def test_outside_parts_replace_included_ones(rendered):
    parts = {entry["metadata"]["labels"]["app.kubernetes.io/component"] for entry in rendered["large"]}
    assert not parts & {"postgres", "objectstore", "keycloak", "setup-realm"}


def test_a_scaled_part_has_no_fixed_number(rendered):
    scaled = {
        entry["spec"]["scaleTargetRef"]["name"]
        for entry in of_kind(rendered["large"], "HorizontalPodAutoscaler")
    }
    assert {"lumbung-gateway", "lumbung-catalog", "lumbung-ingest", "lumbung-compute"} <= scaled
    assert "lumbung-ray-worker" in scaled
    for entry in of_kind(rendered["large"], "Deployment"):
        assert ("replicas" in entry["spec"]) != (entry["metadata"]["name"] in scaled)


def test_minio_can_take_the_place_of_seaweedfs(helm):
    default = helm.template("--set", "monitoring.podMonitor.enabled=true")
    objects = helm.template("--set", "objectstore.kind=minio,monitoring.podMonitor.enabled=true,image.tag=v9")
    pod, claim = _store(objects)
    (container,) = pod["containers"]
    assert container["command"] == ["minio"]
    assert container["image"] == "lumbung/minio:v9"
    assert [port["name"] for port in container["ports"]] == ["s3"]
    for version in VERSIONS:
        for entry in objects:
            if entry["apiVersion"] not in FOREIGN:
                kubernetes_validate.validate(entry, version, strict=True)
    (monitor,) = of_kind(objects, "PodMonitor")
    assert {"port": "s3", "path": "/minio/metrics/v3", "interval": "30s"} in monitor["spec"][
        "podMetricsEndpoints"
    ]
    # A claim's name cannot be changed by an upgrade, so that no lake is left without its files.
    assert claim != _store(default)[1]


def _store(objects):
    """The object store's pod, and the name of its claim."""
    (store,) = [
        entry for entry in of_kind(objects, "StatefulSet") if "objectstore" in entry["metadata"]["name"]
    ]
    (claim,) = store["spec"]["volumeClaimTemplates"]
    return store["spec"]["template"]["spec"], claim["metadata"]["name"]


def test_a_digest_wins_over_a_tag(helm):
    digest = f"sha256:{'a' * 64}"
    objects = helm.template(
        "--set", f"image.registry=registry.example:5000/x,portal.image.digest={digest},image.tag=v9"
    )
    images = {
        entry["metadata"]["name"]: entry["spec"]["template"]["spec"]["containers"][0]["image"]
        for entry in of_kind(objects, "Deployment")
    }
    assert images["lumbung-portal"] == f"registry.example:5000/x/lumbung/portal@{digest}"
    assert images["lumbung-catalog"] == "registry.example:5000/x/lumbung/catalog:v9"


def test_a_certificate_of_cert_manager(helm):
    objects = helm.template(
        "--set",
        "gateway.tls.certManager.enabled=true,gateway.tls.certManager.issuerRef.name=ca",
        "--set",
        "gateway.tls.certManager.dnsNames={a.example}",
    )
    (certificate,) = of_kind(objects, "Certificate")
    volumes = {
        volume["name"]: volume
        for entry in of_kind(objects, "Deployment")
        if entry["metadata"]["name"] == "lumbung-gateway"
        for volume in entry["spec"]["template"]["spec"]["volumes"]
    }
    assert volumes["tls"]["secret"]["secretName"] == certificate["spec"]["secretName"]
