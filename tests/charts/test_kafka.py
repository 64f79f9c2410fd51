"""Kafka is an option: off, included, or outside."""

import pytest

from platformsetup.kafkaserver import Node, properties

from support.helm import CHART, of_kind, pods

COMPONENT = "app.kubernetes.io/component"


def policy(objects, part):
    (found,) = [
        entry["spec"]
        for entry in of_kind(objects, "NetworkPolicy")
        if entry["spec"]["podSelector"]["matchLabels"].get(COMPONENT) == part
    ]
    return found


def callers(objects):
    (rule,) = policy(objects, "kafka")["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 9092}]
    return rule["from"]


@pytest.mark.parametrize("profile", ["default", "kind", "small", "large"])
def test_it_is_off_by_default(rendered, profile):
    assert not [entry for entry in rendered[profile] if "kafka" in entry["metadata"]["name"]]


def test_ingest_alone_reaches_it(rendered):
    (ingest,) = callers(rendered["options"])
    assert ingest["podSelector"]["matchLabels"][COMPONENT] == "ingest"
    (dns,) = policy(rendered["options"], "kafka")["egress"]
    assert {port["port"] for port in dns["ports"]} == {53}


def test_who_writes_is_let_in_by_name(helm):
    peer = '{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"span"}}}'
    objects = helm.template("--set", "kafka.enabled=true", "--set-json", f"kafka.writersFrom=[{peer}]")
    assert callers(objects)[1] == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "span"}}
    }


def test_the_program_takes_its_settings(rendered, tmp_path):
    pod = pods(rendered["options"])["kafka"]
    (container,) = pod["spec"]["containers"]
    given = dict(argument.split("=", 1) for argument in container["args"])
    assert given["log.segment.bytes"] == "268435456"
    assert "log.segment.bytes=268435456\n" in properties(Node(tmp_path, "h:1"), given)


def test_large_numbers_stay_whole(helm):
    objects = helm.template(
        "--set-json", 'kafka={"enabled":true,"settings":{"log.retention.bytes":107374182400}}'
    )
    assert "log.retention.bytes=107374182400" in pods(objects)["kafka"]["spec"]["containers"][0]["args"]


def test_its_password_is_nowhere_in_the_open(rendered):
    variables = {
        entry["name"]: entry for entry in pods(rendered["options"])["kafka"]["spec"]["containers"][0]["env"]
    }
    assert variables["KAFKA_PASSWORD"]["valueFrom"]["secretKeyRef"] == {
        "name": "lumbung-kafka",
        "key": "password",
    }


def test_an_outside_one_is_reached_by_its_ports(helm):
    objects = helm.template("--set", r"kafka.external.bootstrapServers=a.example:9094\,b.example:9095")
    assert not [entry for entry in of_kind(objects, "StatefulSet") if "kafka" in entry["metadata"]["name"]]
    ports = {
        port["port"]
        for rule in policy(objects, "ingest")["egress"]
        for port in rule["ports"]
        if any("ipBlock" in peer for peer in rule["to"])
    }
    assert ports == {9094, 9095}


def test_included_and_outside_at_once_is_refused(helm):
    values = "kafka.enabled=true,kafka.external.bootstrapServers=a.example:9092"
    done = helm.run("template", "lumbung", str(CHART), "--set", values)
    assert done.returncode != 0
    assert "/kafka/external/bootstrapServers" in done.stderr
