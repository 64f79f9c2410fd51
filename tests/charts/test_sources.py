"""Databases that ingest reads: none unless named, each by its own addresses and port, passwords from Secrets only."""

import json

import pytest
import yaml
from tools.chart_schema import SETTINGS

from support.helm import CHART, containers, of_kind, pods

COMPONENT = "app.kubernetes.io/component"
SPAN = {
    "host": "span.example",
    "port": 5433,
    "cidrs": ["10.1.2.3/32"],
    "secrets": [{"name": "span-reader", "existingSecret": "span-db"}],
}
SAKTI = {
    "host": "sakti.example",
    "port": 3306,
    "cidrs": ["10.9.0.0/28", "fd00::7/128"],
    "secrets": [
        {"name": "sakti-reader", "existingSecret": "sakti-db", "key": "readonly"},
        {"name": "span-reader", "existingSecret": "span-db"},
    ],
}


def template(helm, sources):
    return helm.template("--set-json", f"ingest.sources={json.dumps(sources)}")


def outside(objects, part):
    """Addresses and ports beyond the release that a part may call."""
    (policy,) = [
        entry["spec"]
        for entry in of_kind(objects, "NetworkPolicy")
        if entry["spec"]["podSelector"]["matchLabels"].get(COMPONENT) == part
    ]
    return {
        (peer["ipBlock"]["cidr"], port["port"])
        for rule in policy["egress"]
        for port in rule["ports"]
        for peer in rule["to"]
        if "ipBlock" in peer
    }


def config(objects):
    (text,) = [
        entry["data"]["config.yaml"]
        for entry in of_kind(objects, "ConfigMap")
        if entry["metadata"]["name"] == "lumbung-ingest"
    ]
    return yaml.safe_load(text)


@pytest.mark.parametrize("profile", ["default", "kind", "small"])
def test_by_default_no_source_is_allowed_and_none_can_be_reached(rendered, profile):
    objects = rendered[profile]
    assert not outside(objects, "ingest")
    assert "sources" not in config(objects)
    assert "sources" not in {volume["name"] for volume in pods(objects)["ingest"]["spec"]["volumes"]}


def test_each_is_reached_at_its_own_addresses_and_port_by_ingest_alone(helm, rendered):
    objects = template(helm, [SPAN, SAKTI])
    assert outside(objects, "ingest") == {
        ("10.1.2.3/32", 5433),
        ("10.9.0.0/28", 3306),
        ("fd00::7/128", 3306),
    }
    for part in set(pods(objects)) - {"ingest"}:
        assert outside(objects, part) == outside(rendered["default"], part)


def test_the_service_allows_what_the_network_lets_through(helm):
    sources = config(template(helm, [SPAN, SAKTI]))["sources"]
    settings = SETTINGS["ingest"].model_fields["sources"].annotation.model_validate(sources)
    assert [(entry.host, entry.port, entry.secrets) for entry in settings.hosts] == [
        ("span.example", 5433, ("span-reader",)),
        ("sakti.example", 3306, ("sakti-reader", "span-reader")),
    ]
    assert not settings.secrets


def test_passwords_are_files_of_secrets_and_nowhere_else(helm):
    objects = template(helm, [SPAN, SAKTI])
    pod = pods(objects)["ingest"]
    (volume,) = [entry for entry in pod["spec"]["volumes"] if entry["name"] == "sources"]
    assert volume["projected"]["defaultMode"] == 0o440
    assert [entry["secret"] for entry in volume["projected"]["sources"]] == [
        {"name": "sakti-db", "optional": True, "items": [{"key": "readonly", "path": "sakti-reader"}]},
        {"name": "span-db", "optional": True, "items": [{"key": "password", "path": "span-reader"}]},
    ]
    folder = config(objects)["sources"]["secrets_dir"]
    mounts = {
        (container["name"], mount["mountPath"], mount["readOnly"])
        for container in containers(pod)
        for mount in container["volumeMounts"]
        if mount["name"] == "sources"
    }
    assert {(folder, read_only) for _name, folder, read_only in mounts} == {(folder, True)}


def test_an_authority_of_ones_own_is_a_file_too(helm):
    values = ["--set-json", f"ingest.sources={json.dumps([SPAN])}"]
    objects = helm.template(*values, "--set", "ingest.sourcesCa.existingSecret=house-ca")
    (volume,) = [entry for entry in pods(objects)["ingest"]["spec"]["volumes"] if entry["name"] == "sources"]
    assert volume["projected"]["sources"][0]["secret"] == {
        "name": "house-ca",
        "items": [{"key": "ca.crt", "path": "ca.crt"}],
    }
    assert config(objects)["sources"]["ca_file"] == "/etc/lumbung/sources/ca.crt"


def test_one_without_a_secret_has_no_folder(helm):
    objects = template(helm, [{key: SPAN[key] for key in ("host", "port", "cidrs")}])
    assert "sources" not in {volume["name"] for volume in pods(objects)["ingest"]["spec"]["volumes"]}


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ([{**SPAN, "cidrs": []}], "cidrs"),
        ([{key: SPAN[key] for key in ("host", "port")}], "cidrs"),
        ([{**SPAN, "cidrs": ["span.example"]}], "cidrs"),
        ([{**SPAN, "password": "p"}], "password"),
        ([{**SPAN, "secrets": [{"name": "span-reader", "value": "p"}]}], "value"),
        ([{**SPAN, "secrets": [{"name": "../x", "existingSecret": "s"}]}], "name"),
        ([SPAN, {**SAKTI, "secrets": [{"name": "span-reader", "existingSecret": "other"}]}], "named twice"),
    ],
)
def test_what_is_wrong_is_refused(helm, sources, said):
    done = helm.run("template", "lumbung", str(CHART), "--set-json", f"ingest.sources={json.dumps(sources)}")
    assert done.returncode != 0
    assert said in done.stderr


def test_a_password_among_the_settings_is_refused(helm):
    values = 'ingest.config={"sources":{"secrets":{"span-reader":"p"}}}'
    done = helm.run("template", "lumbung", str(CHART), "--set-json", values)
    assert done.returncode != 0
    assert "/ingest/config/sources/secrets" in done.stderr
