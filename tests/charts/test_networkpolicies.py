"""Deny by default; and what the settings name can be reached, in both directions, and nothing else can."""

import re

import yaml

from support.helm import of_kind, pods

COMPONENT = "app.kubernetes.io/component"


def _policies(objects):
    return {
        entry["spec"]["podSelector"]["matchLabels"].get(COMPONENT, "*"): entry["spec"]
        for entry in of_kind(objects, "NetworkPolicy")
    }


def _targets(objects, part):
    """(part, port) of every address in the release that a pod is told: by its settings, variables and arguments."""
    told = [yaml.safe_dump(pods(objects)[part])]
    told += [
        "\n".join(entry["data"].values())
        for entry in of_kind(objects, "ConfigMap")
        if entry["metadata"]["name"] == f"lumbung-{part}"
    ]
    parts = {
        entry["metadata"]["name"].removeprefix("lumbung-"): entry["spec"]["selector"][COMPONENT]
        for entry in of_kind(objects, "Service")
    }
    found = set()
    for text in told:
        for host, port in re.findall(r"lumbung-([a-z-]+):(\d+)", text):
            if host in parts:
                found.add((parts[host], int(port)))
    return found


def _holds(rule, port):
    return any(entry["port"] <= port <= entry.get("endPort", entry["port"]) for entry in rule["ports"])


def _allows_out(policy, target, port):
    return any(
        _holds(rule, port)
        and any(
            peer.get("podSelector", {}).get("matchLabels", {}).get(COMPONENT) == target for peer in rule["to"]
        )
        for rule in policy["egress"]
    )


def _allows_in(policy, caller, port):
    for rule in policy["ingress"]:
        if _holds(rule, port):
            peers = rule.get("from")
            return peers is None or any(
                peer.get("podSelector", {}).get("matchLabels", {}).get(COMPONENT) == caller for peer in peers
            )
    return False


def test_every_pod_has_a_policy_for_both_directions(objects):
    policies = _policies(objects)
    for part in pods(objects):
        assert set(policies[part]["policyTypes"]) == {"Ingress", "Egress"}


def test_the_release_denies_by_default(objects):
    policy = _policies(objects)["*"]
    assert policy["podSelector"]["matchLabels"] == {"app.kubernetes.io/instance": "lumbung"}
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in policy
    assert "egress" not in policy


def test_what_the_settings_name_can_be_reached(objects):
    policies = _policies(objects)
    checked = 0
    own_names = {"gateway": "gateway", "keycloak": "keycloak", "kafka": "kafka"}
    for part in pods(objects):
        for target, port in _targets(objects, part):
            # The addresses that a part hands to browsers and clients are not called by itself.
            public = target == own_names.get(part) or (
                part in ("portal", "setup-realm") and target == "gateway"
            )
            if public:
                continue
            assert _allows_out(policies[part], target, port), f"{part} may not call {target}:{port}"
            assert _allows_in(policies[target], part, port), f"{target}:{port} does not let {part} in"
            checked += 1
    assert checked >= 15


def test_no_rule_names_an_unknown_part_or_port(objects):
    templates = pods(objects)
    for part, policy in _policies(objects).items():
        for rule in policy.get("egress", []):
            for peer in rule["to"]:
                target = peer.get("podSelector", {}).get("matchLabels", {}).get(COMPONENT)
                if target:
                    open_ports = {
                        port["containerPort"]
                        for container in templates[target]["spec"]["containers"]
                        for port in container.get("ports", [])
                    }
                    single = {port["port"] for port in rule["ports"] if "endPort" not in port}
                    assert single <= open_ports, f"{part} to {target}"
                    # Ranges are Ray's alone: tests/charts/test_ray.py.
                    assert len(single) == len(rule["ports"]) or target in ("inference", "ray-worker")


def test_only_the_doors_are_open_to_anybody(objects):
    open_to_all = {
        part
        for part, policy in _policies(objects).items()
        for rule in policy.get("ingress", [])
        if "from" not in rule
    }
    assert open_to_all <= {"gateway", "keycloak"}


def test_keycloak_can_be_closed(helm):
    objects = helm.template("--set", "keycloak.exposed=false")
    assert all("from" in rule for rule in _policies(objects)["keycloak"]["ingress"])


def test_outside_parts_are_reached_by_port(rendered):
    policies = _policies(rendered["large"])
    outside = {
        port["port"]
        for rule in policies["ingest"]["egress"]
        for port in rule["ports"]
        if any("ipBlock" in peer for peer in rule["to"])
    }
    assert outside == {5432, 443}


def test_what_keeps_data_calls_nobody(rendered):
    for part in ("postgres", "objectstore"):
        (dns,) = _policies(rendered["default"])[part]["egress"]
        assert {port["port"] for port in dns["ports"]} == {53}
