import os

import pytest

from platformsetup.errors import SetupError
from platformsetup.kafkajars import COORDINATES, VERSION, fetched_jars
from platformsetup.kafkaserver import SERVER_SETTINGS, Node, main, properties

MVN = """#!/bin/sh
for word in "$@"; do case "$word" in
  -DoutputDirectory=*) out=${word#-DoutputDirectory=} ;;
  -DoutputFile=*) listing=${word#-DoutputFile=} ;;
  *.xml) pom=$word ;;
esac; done
mkdir -p "$out" && cp "$pom" "$out/kafka.jar"
printf 'Resolved:\n   org.z:z_2:jar:1.0:compile -- module z\n   org.a:a:jar:2:runtime\n' > "$listing"
"""


def node(tmp_path):
    return Node(tmp_path, "kafka.example:9092")


def lines(text):
    return dict(line.split("=", 1) for line in text.splitlines())


def test_no_password_is_in_the_settings_and_every_port_wants_one(tmp_path):
    found = lines(properties(node(tmp_path), {}))
    assert {entry.split(":")[1] for entry in found["listener.security.protocol.map"].split(",")} == {
        "SASL_PLAINTEXT"
    }
    assert found["listeners"] == (
        "CLIENT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093,INTERNAL://127.0.0.1:9094"
    )
    assert 'user_ingest="${env:KAFKA_PASSWORD}"' in found["listener.name.client.plain.sasl.jaas.config"]
    assert found["log.dirs"] == str(tmp_path / "log")


def test_settings_of_the_log_can_be_changed(tmp_path):
    assert lines(properties(node(tmp_path), {}))["auto.create.topics.enable"] == "false"
    changed = {"log.retention.hours": "24", "log.flush.interval.ms": "50"}
    found = lines(properties(node(tmp_path), changed))
    assert (found["log.retention.hours"], found["log.flush.interval.ms"]) == ("24", "50")
    assert found.keys() >= SERVER_SETTINGS.keys()


@pytest.mark.parametrize(
    "name",
    [
        "listeners",
        "log.dirs",
        "listener.name.client.plain.sasl.jaas.config",
        "sasl.enabled.mechanisms",
        "config.providers",
    ],
)
def test_addresses_and_sign_in_cannot(tmp_path, name):
    with pytest.raises(SetupError, match=f"{name} cannot be changed"):
        properties(node(tmp_path), {name: "x"})


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "A=b"])
def test_a_setting_has_a_plain_name_and_one_line(tmp_path, name):
    with pytest.raises(SetupError, match="is not the name of a Kafka setting"):
        properties(node(tmp_path), {name: "x"})
    assert len(properties(node(tmp_path), {"log.dir": "a\nb\\c"}).splitlines()) == len(
        properties(node(tmp_path), {"log.dir": "abc"}).splitlines()
    )


@pytest.mark.parametrize(
    ("changes", "arguments", "said"),
    [
        ({"KAFKA_DATA": ""}, [], "KAFKA_DATA is not set"),
        ({"KAFKA_PASSWORD": ""}, [], "KAFKA_PASSWORD is not set"),
        ({"KAFKA_ADVERTISED": ""}, [], "KAFKA_ADVERTISED is not set"),
        ({"KAFKA_PASSWORD": 'a"b'}, [], "give another password"),
        ({}, ["log.retention.hours"], "arguments are NAME=VALUE"),
        ({}, ["a=1", "a=2"], "each name once"),
    ],
)
def test_it_says_in_one_line_why_it_cannot_start(tmp_path, changes, arguments, said):
    env = {"KAFKA_DATA": str(tmp_path), "KAFKA_PASSWORD": "secret", "KAFKA_ADVERTISED": "h:1"}
    with pytest.raises(SystemExit) as ended:
        main(arguments, env | changes)
    assert said in str(ended.value)
    assert "secret" not in str(ended.value)
    assert len(str(ended.value).splitlines()) == 1


def test_jars_are_fetched_once(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "mvn"
    program.parent.mkdir()
    program.write_text(MVN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.defpath}")
    cache = tmp_path / "cache"
    jars = fetched_jars(cache)
    assert jars.name == f"kafka-{VERSION}"
    assert (jars / COORDINATES).read_text() == "org.a:a:2\norg.z:z_2:1.0\n"
    assert f"<version>{VERSION}</version>" in (jars / "kafka.jar").read_text()
    program.unlink()
    assert fetched_jars(cache) == jars
    assert not list(cache.glob("unfinished-*"))


def test_a_failed_fetch_leaves_nothing_and_a_missing_maven_says_what_to_do(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "mvn"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho no network >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    with pytest.raises(SetupError, match="no network"):
        fetched_jars(tmp_path / "cache")
    program.unlink()
    with pytest.raises(SetupError, match="apt-get install maven"):
        fetched_jars(tmp_path / "cache")
    assert not (tmp_path / "cache" / f"kafka-{VERSION}").exists()
