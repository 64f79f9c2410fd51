"""The telemetry collector is an option; its settings are checked by the program itself, and it hands on what it gets."""

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
import yaml
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc
from opentelemetry.proto.trace.v1 import trace_pb2

from platformimages.collectorprogram import place
from platformsetup.buildcache import cache_folder

from support.helm import CHART, of_kind, pods
from support.servers import free_ports

COMPONENT = "app.kubernetes.io/component"
ON = ("--set", "telemetryCollector.enabled=true")
OUTSIDE = (*ON, "--set", "telemetryCollector.exporter.endpoint=https://otel.example:4317")


@pytest.fixture(scope="session")
def program():
    """The collector, where it was built."""
    found = place(cache_folder(os.environ))
    if not found.exists():
        pytest.skip(
            "NO COLLECTOR: its settings are NOT tested here. Build it: python -m platformimages.collectorprogram"
        )
    return found


def settings(objects):
    (text,) = [
        entry["data"]["config.yaml"]
        for entry in of_kind(objects, "ConfigMap")
        if entry["metadata"]["labels"][COMPONENT] == "telemetry-collector"
    ]
    return text


def validated(program, text, folder):
    path = folder / "config.yaml"
    path.write_text(text)
    env = {"OTLP_AUTHORIZATION": "Bearer x", "PATH": os.environ["PATH"]}
    return subprocess.run(
        [program, "validate", f"--config={path}"], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("profile", ["default", "kind", "small", "large"])
def test_it_is_off_by_default(rendered, profile):
    assert not [entry for entry in rendered[profile] if "telemetry-collector" in entry["metadata"]["name"]]


def test_every_part_sends_to_it(rendered):
    configs = {
        entry["metadata"]["labels"][COMPONENT]: yaml.safe_load(entry["data"]["config.yaml"])
        for entry in of_kind(rendered["options"], "ConfigMap")
        if "config.yaml" in entry["data"]
    }
    for part in ("portal", "catalog", "ingest", "compute", "inference", "dask-worker"):
        assert configs[part]["telemetry"]["otlp_endpoint"] == "http://lumbung-telemetry-collector:4317"
    assert configs["gateway"]["telemetry"]["otlp"]["target"] == "lumbung-telemetry-collector:4317"


def test_it_calls_the_outside_alone(helm):
    (policy,) = [
        entry["spec"]
        for entry in of_kind(helm.template(*OUTSIDE), "NetworkPolicy")
        if entry["spec"]["podSelector"]["matchLabels"].get(COMPONENT) == "telemetry-collector"
    ]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [[53, 53], [4317]]


def test_two_addresses_are_refused(helm):
    done = helm.run("template", "lumbung", str(CHART), *ON, "--set", "telemetry.otlpEndpoint=http://a:4317")
    assert done.returncode != 0
    assert "telemetryCollector.exporter.endpoint" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ON,
        OUTSIDE,
        (*OUTSIDE, "--set", "telemetryCollector.exporter.protocol=http"),
        (*OUTSIDE, "--set", "telemetryCollector.exporter.existingSecret=otel"),
        (*ON, "--set", "telemetryCollector.exporter.endpoint=http://otel.example:4318"),
        (*ON, "--set", "telemetryCollector.config.processors.batch.timeout=9s"),
    ],
)
def test_the_program_takes_its_settings(helm, program, tmp_path, arguments):
    done = validated(program, settings(helm.template(*arguments)), tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_program_refuses_what_it_does_not_know(helm, program, tmp_path):
    wrong = helm.template(*ON, "--set", "telemetryCollector.config.processors.batch.timout=9s")
    done = validated(program, settings(wrong), tmp_path)
    assert done.returncode != 0
    assert "timout" in done.stderr


def test_the_secret_is_sent_and_not_shown(helm):
    objects = helm.template(*OUTSIDE, "--set", "telemetryCollector.exporter.existingSecret=otel")
    exporter = yaml.safe_load(settings(objects))["exporters"]["otlp_grpc"]
    assert exporter["headers"] == {"authorization": "${env:OTLP_AUTHORIZATION}"}
    named = {
        entry["name"]: entry.get("valueFrom")
        for entry in pods(objects)["telemetry-collector"]["spec"]["containers"][0]["env"]
    }
    assert named["OTLP_AUTHORIZATION"] == {"secretKeyRef": {"name": "otel", "key": "authorization"}}


class Outside(trace_grpc.TraceServiceServicer):
    """Keeps what it gets: (name of the span, header)."""

    def __init__(self):
        self.got = []

    def Export(self, request, context):
        header = dict(context.invocation_metadata()).get("authorization")
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.got += [(span.name, header) for span in scope.spans]
        return trace_pb.ExportTraceServiceResponse()


def test_spans_go_through_also_when_the_outside_comes_late(helm, program, tmp_path):
    inside, outside, health, metrics = free_ports(4)
    endpoint = f"telemetryCollector.exporter.endpoint=http://127.0.0.1:{outside}"
    secret = "telemetryCollector.exporter.existingSecret=otel"
    config = yaml.safe_load(settings(helm.template(*ON, "--set", endpoint, "--set", secret)))
    config["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"] = f"127.0.0.1:{inside}"
    config["extensions"]["health_check"]["endpoint"] = f"127.0.0.1:{health}"
    reader = config["service"]["telemetry"]["metrics"]["readers"][0]["pull"]["exporter"]["prometheus"]
    reader |= {"host": "127.0.0.1", "port": metrics}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    env = {"OTLP_AUTHORIZATION": "Bearer x", "PATH": os.environ["PATH"]}
    servicer = Outside()
    log = tmp_path / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [program, f"--config={path}"], env=env, stdout=output, stderr=subprocess.STDOUT
        ) as collector,
    ):
        # After the fork: gRPC's threads do not go through one.
        late = grpc.server(ThreadPoolExecutor(2))
        trace_grpc.add_TraceServiceServicer_to_server(servicer, late)
        try:
            with grpc.insecure_channel(f"127.0.0.1:{inside}") as channel:
                grpc.channel_ready_future(channel).result(30)
                trace_grpc.TraceServiceStub(channel).Export(spans("kept"), timeout=10)
                late.add_insecure_port(f"127.0.0.1:{outside}")
                late.start()
                deadline = time.monotonic() + 60
                while not servicer.got:
                    assert time.monotonic() < deadline, log.read_text()[-2000:]
                    time.sleep(0.2)
        finally:
            collector.terminate()
            ended = collector.wait(30)
            late.stop(None).wait(5)
    assert servicer.got == [("kept", "Bearer x")]
    assert ended == 0


def spans(name):
    span = trace_pb2.Span(name=name, trace_id=b"t" * 16, span_id=b"s" * 8)
    scope = trace_pb2.ScopeSpans(spans=[span])
    return trace_pb.ExportTraceServiceRequest(resource_spans=[trace_pb2.ResourceSpans(scope_spans=[scope])])
