"""What is off by default: Kafka keeps what was committed, the collector gets every part's spans. One release, in this order."""

import base64
import subprocess
import sys
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from platformimages.build import known

from support.cluster import CHART, IMAGES, ROOT, separate_release
from support.kafkacaller import COMMITTED

OPTIONS = ("kafka", "collector")
READY_SECONDS = 420


@pytest.fixture(scope="module")
def options(cluster, figures):
    """The kind profile with every option on, in a namespace that enforces the standard "restricted"."""
    subprocess.run([sys.executable, "-m", "platformimages", "build", *OPTIONS], cwd=ROOT, check=True)
    cluster.run("load", *(str(IMAGES / known()[name].archive) for name in OPTIONS))
    with separate_release(cluster, "lumbung-options") as release:
        values = ["--values", str(CHART / "values-options.yaml"), "--set", "telemetry.sampleRatio=1"]
        started = time.monotonic()
        cluster.helm("install", *release.arguments(*values))
        release.wait_ready(READY_SECONDS)
        figures["seconds_to_ready_with_options"] = round(time.monotonic() - started, 1)
        yield release


@pytest.fixture
def kafka(options, tmp_path):
    """`kafka(task)`: writes or reads, from the node's network; gives the lines that were said."""

    def run(task):
        secrets = options.cluster.objects("secrets", options.namespace)
        (secret,) = [entry["data"] for entry in secrets if entry["metadata"]["name"] == "lumbung-kafka"]
        password = tmp_path / "password"
        password.write_bytes(base64.b64decode(secret["password"]))
        words = ["lumbung-kafka", _address(options, "lumbung-kafka"), str(password), task, "events"]
        command = ["unshare", "--mount", "env", f"PYTHONPATH={ROOT / 'tests'}", sys.executable, "-m"]
        process = options.cluster.inside(*command, "support.kafkacaller", *words)
        said = process.communicate(timeout=240)[0]
        assert process.returncode == 0, said
        return said.splitlines()

    return run


def _address(release, name):
    (address,) = [
        entry["spec"]["clusterIP"]
        for entry in release.cluster.objects("services", release.namespace)
        if entry["metadata"]["name"] == name
    ]
    return address


def test_kafka_keeps_what_was_committed_when_its_pod_is_killed(options, kafka, figures):
    kafka("write")
    delete = ["delete", "pod", "lumbung-kafka-0", "--namespace", options.namespace]
    options.cluster.kubectl(*delete, "--grace-period=0", "--force")
    started = time.monotonic()
    options.wait_ready(READY_SECONDS)
    figures["seconds_of_a_killed_kafka"] = round(time.monotonic() - started, 1)
    assert kafka("read") == COMMITTED


def test_a_leaving_kafka_closes_its_log(options):
    name = "lumbung-kafka-0"
    follow = options.cluster.inside(
        "kubectl", "logs", "--follow", "--tail=1", "--namespace", options.namespace, name
    )
    options.cluster.kubectl("delete", "pod", name, "--namespace", options.namespace)
    assert "shut down completed" in follow.communicate(timeout=120)[0]
    options.wait_ready(READY_SECONDS)


def test_the_collector_gets_every_parts_spans(options, figures):
    options.main_job()
    figures["mib_with_options"] = options.cluster.memory(options.namespace)
    url = f"http://{_address(options, 'lumbung-telemetry-collector')}:8888/metrics"
    time.sleep(10)
    page = options.cluster.inside("curl", "--silent", "--max-time", "20", url).communicate()[0]
    counted = {
        sample.name: sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if "spans" in sample.name
    }
    (accepted,) = [value for name, value in counted.items() if "receiver_accepted_spans" in name]
    assert accepted > 100
    assert not [name for name, value in counted.items() if ("refused" in name or "failed" in name) and value]
