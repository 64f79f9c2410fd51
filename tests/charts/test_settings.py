"""Every rendered ConfigMap loads into its settings model, with the secrets that its pod is given and no others."""

import base64
import json
import os

import pytest
import yaml
from tools.chart_schema import SETTINGS

from lumbung.config import Endpoints, find_endpoints
from platformsetup import DATABASES
from platformsetup.identity.realm import confidential_clients, role_accounts
from platformsetup.settings import RestoreSettings
from servicekit.settings import SettingsError, load_settings

from support.helm import CHART, containers, of_kind, pods

MODELS = {
    **{name: SETTINGS[name] for name in ("gateway", "portal", "catalog", "ingest", "compute", "inference")},
    "dask-worker": SETTINGS["daskWorker"],
    "ray-worker": SETTINGS["rayWorker"],
    "setup-databases": SETTINGS["setupDatabases"],
    "setup-bucket": SETTINGS["setupBucket"],
    "setup-realm": SETTINGS["setupRealm"],
    "backup": SETTINGS["backup"],
}


def _config_maps(objects):
    return {
        entry["metadata"]["labels"]["app.kubernetes.io/component"]: entry["data"]["config.yaml"]
        for entry in of_kind(objects, "ConfigMap")
        if "config.yaml" in entry["data"]
        # That of another program, which checks it itself: test_collector.py.
        and entry["metadata"]["labels"]["app.kubernetes.io/component"] != "telemetry-collector"
    }


def _environment(pod):
    """Variables of the container that reads the settings, with stand-ins for what Secrets hold."""
    stand_ins = {"LUMBUNG_REALM__ACCOUNTS": json.dumps(dict.fromkeys(role_accounts(), "p"))}
    return {
        variable["name"]: variable.get("value") or stand_ins.get(variable["name"], "from-a-secret")
        for variable in _reader(pod)["env"]
        if variable["name"].startswith("LUMBUNG_")
    }


def _reader(pod):
    """The program itself, or a step before it that reads for it."""
    steps = [step for step in pod["spec"].get("initContainers", []) if step["name"] == "settings"]
    return (steps or pod["spec"]["containers"])[0]


@pytest.fixture
def load(monkeypatch, tmp_path):
    def load(part, text, environment):
        for name in [name for name in os.environ if name.startswith("LUMBUNG_")]:
            monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        path = tmp_path / "config.yaml"
        path.write_text(text)
        monkeypatch.setenv("LUMBUNG_CONFIG", str(path))
        return load_settings(MODELS[part])

    return load


def test_every_config_map_loads(objects, load):
    templates = pods(objects)
    found = _config_maps(objects)
    assert {"gateway", "portal", "catalog", "ingest", "compute", "inference", "dask-worker"} <= set(found)
    for part, text in found.items():
        load(part, text, _environment(templates[part]))


def test_without_its_secrets_it_does_not_load(rendered, load):
    text = _config_maps(rendered["kind"])["catalog"]
    with pytest.raises(SettingsError, match=r"postgres\.password"):
        load("catalog", text, {})


def test_every_pod_reads_its_own_config_map(objects):
    for part, pod in pods(objects).items():
        maps = {volume["configMap"]["name"] for volume in pod["spec"]["volumes"] if "configMap" in volume}
        more = {"lumbung-dask-cluster"} if part == "compute" else set()
        assert maps <= {f"lumbung-{part}"} | more
        for container in containers(pod):
            paths = {mount["mountPath"] for mount in container["volumeMounts"]}
            named = {entry["value"] for entry in container["env"] if entry["name"] == "LUMBUNG_CONFIG"}
            assert named <= paths


def test_config_of_the_values_is_laid_over(helm, load):
    objects = helm.template(
        "--set", "catalog.config.listen.port=4321,catalog.config.telemetry.log_level=DEBUG"
    )
    pod = pods(objects)["catalog"]
    settings = load("catalog", _config_maps(objects)["catalog"], _environment(pod))
    assert (settings.listen.port, settings.listen.host) == (4321, "0.0.0.0")  # noqa: S104
    assert settings.telemetry.log_level == "DEBUG"
    assert pod["spec"]["containers"][0]["readinessProbe"]["grpc"]["port"] == 4321
    (service,) = [
        entry for entry in of_kind(objects, "Service") if entry["metadata"]["name"] == "lumbung-catalog"
    ]
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]}["grpc"] == 4321


def test_sizes_stay_whole_numbers(helm, load):
    objects = helm.template("--set", "compute.config.query.memory_bytes=4294967296")
    text = _config_maps(objects)["compute"]
    assert "4294967296" in text
    assert load("compute", text, _environment(pods(objects)["compute"])).query.memory_bytes == 2**32


def test_a_changed_setting_restarts_its_part_alone(helm, rendered):
    changed = pods(helm.template("--set", "catalog.config.listen.max_concurrent_calls=9"))
    before = pods(rendered["default"])
    restarted = {part for part in before if before[part] != changed[part]}
    assert restarted == {"catalog"}


def test_secrets_have_the_keys_that_the_platform_needs(rendered):
    secrets = {entry["metadata"]["name"]: set(entry["data"]) for entry in of_kind(rendered["kind"], "Secret")}
    assert secrets["lumbung-databases"] == {"postgres", *DATABASES}
    assert secrets["lumbung-clients"] == set(confidential_clients())
    (accounts,) = [
        entry["data"]["accounts.json"]
        for entry in of_kind(rendered["kind"], "Secret")
        if entry["metadata"]["name"] == "lumbung-accounts"
    ]
    assert set(json.loads(base64.b64decode(accounts))) == set(role_accounts())


def test_every_secret_that_a_pod_names_is_made(rendered):
    made = {entry["metadata"]["name"]: set(entry["data"]) for entry in of_kind(rendered["kind"], "Secret")}
    for pod in pods(rendered["kind"]).values():
        for container in containers(pod):
            for variable in container["env"]:
                reference = variable.get("valueFrom", {}).get("secretKeyRef")
                if reference:
                    assert reference["key"] in made[reference["name"]]
        for volume in pod["spec"]["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["secretName"] in made


def test_the_test_job_finds_the_platform(rendered, monkeypatch, tmp_path):
    (stack,) = [
        entry["data"]["stack.json"]
        for entry in of_kind(rendered["kind"], "ConfigMap")
        if entry["metadata"]["name"] == "lumbung-test"
    ]
    path = tmp_path / "stack.json"
    path.write_text(stack)
    for name in ("LUMBUNG_GATEWAY_URL", "LUMBUNG_ISSUER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LUMBUNG_STACK_FILE", str(path))
    issuer = yaml.safe_load(_config_maps(rendered["kind"])["catalog"])["auth"]["issuer"]
    assert find_endpoints() == Endpoints("lumbung-gateway:18000", issuer)


def test_a_restore_takes_the_place_of_the_empty_databases(helm, load, monkeypatch):
    objects = helm.template("--set", "backup.enabled=true,restore.from=20261124T135017Z")
    pod = pods(objects)["setup-databases"]
    (container,) = pod["spec"]["containers"]
    assert container["command"][-1] == "restore"
    assert {"name": "backup", "mountPath": "/backup"} in container["volumeMounts"]
    monkeypatch.setitem(MODELS, "setup-databases", RestoreSettings)
    settings = load("setup-databases", _config_maps(objects)["setup-databases"], _environment(pod))
    assert (str(settings.restore.folder), settings.restore.name) == ("/backup", "20261124T135017Z")
    assert set(settings.databases.by_name()) == set(DATABASES)


def test_backups_are_read_from_where_they_are_written(helm, rendered):
    done = helm.run("template", "lumbung", str(CHART), "--set", "restore.from=latest")
    assert done.returncode != 0
    assert "backup.enabled has to be true" in done.stderr
    (claim,) = of_kind(rendered["kind"], "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    used = {
        part: volume["persistentVolumeClaim"]["claimName"]
        for part, pod in pods(rendered["kind"]).items()
        for volume in pod["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    }
    assert used == dict.fromkeys(("backup", "setup-databases"), claim["metadata"]["name"])
