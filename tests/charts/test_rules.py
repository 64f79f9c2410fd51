"""Prometheus' own tool reads the rules and the dashboard's queries, and holds each alert against made-up series."""

import subprocess

import pytest
import yaml
from tools.promtool import find_promtool

from support.helm import of_kind
from support.monitoring import panels, rules

NAMESPACE = 'namespace="lumbung-test"'
CATALOG = f'{NAMESPACE},app_kubernetes_io_component="catalog"'
CALLS = f"lumbung_grpc_calls_total{{{CATALOG}"
SECONDS = f"lumbung_grpc_seconds_bucket{{{CATALOG}"
SLOW_FILES = f"lumbung_ingest_submission_seconds_bucket{{{NAMESPACE}"
ENVOY = f'{NAMESPACE},envoy_http_conn_manager_prefix="public"'
POD = f'{NAMESPACE},pod="catalog-1",container="catalog"'
CLAIM = f'{NAMESPACE},persistentvolumeclaim="data-lumbung-postgres-0"'


def slow(method, slowest="5"):
    """Half of the calls take up to a second, half up to five."""
    return {
        f'{SECONDS},method="{method}",le="1"}}': "0+30x90",
        f'{SECONDS},method="{method}",le="{slowest}"}}': "0+60x90",
        f'{SECONDS},method="{method}",le="+Inf"}}': "0+60x90",
    }


# Alert, series (one sample a minute), minute, labels, summary.
FIRES = [
    (
        "LumbungCallsFail",
        {f'{CALLS},code="INTERNAL"}}': "0+3x60", f'{CALLS},code="OK"}}': "0+97x60"},
        30,
        {"app_kubernetes_io_component": "catalog"},
        "catalog fails in 3% of its calls",
    ),
    (
        "LumbungCallsSlow",
        slow("/lumbung.catalog.v1.CatalogService/GetDataset"),
        60,
        {
            "app_kubernetes_io_component": "catalog",
            "method": "/lumbung.catalog.v1.CatalogService/GetDataset",
        },
        "/lumbung.catalog.v1.CatalogService/GetDataset takes 4.92s at the 99th percentile",
    ),
    (
        "LumbungPartSilent",
        {f'up{{{CATALOG},pod="catalog-1"}}': "1x5 0x30"},
        20,
        {"app_kubernetes_io_component": "catalog", "namespace": "lumbung-test", "pod": "catalog-1"},
        "catalog-1 does not answer the scraper",
    ),
    (
        "LumbungSubmissionsFail",
        {f'lumbung_ingest_submissions_total{{{NAMESPACE},state="failed"}}': "0x40 1x20"},
        50,
        {},
        "1 submissions failed in half an hour, by no fault of their files",
    ),
    (
        "LumbungSubmissionsSlow",
        {
            f'{SLOW_FILES},le="300"}}': "0+0x90",
            f'{SLOW_FILES},le="900"}}': "0+2x90",
            f'{SLOW_FILES},le="+Inf"}}': "0+2x90",
        },
        80,
        {},
        "One submission in ten takes over 14m 0s",
    ),
    (
        "LumbungGatewayRefuses",
        {
            f'envoy_http_downstream_rq_xx{{{ENVOY},envoy_response_code_class="5"}}': "0+5x60",
            f"envoy_http_downstream_rq_total{{{ENVOY}}}": "0+100x60",
        },
        30,
        {},
        "The gateway answers 5% of the requests with a server's fault",
    ),
    (
        "LumbungMemoryNearItsLimit",
        {
            f"container_memory_working_set_bytes{{{POD}}}": "950x60",
            f'kube_pod_container_resource_limits{{{POD},resource="memory"}}': "1000x60",
        },
        30,
        {"pod": "catalog-1", "container": "catalog"},
        "catalog-1/catalog uses 95% of its memory",
    ),
    (
        "LumbungClaimNearlyFull",
        {
            f"kubelet_volume_stats_available_bytes{{{CLAIM}}}": "5x60",
            f"kubelet_volume_stats_capacity_bytes{{{CLAIM}}}": "100x60",
        },
        30,
        {"namespace": "lumbung-test", "persistentvolumeclaim": "data-lumbung-postgres-0"},
        "data-lumbung-postgres-0 has 5% left",
    ),
]

# Alert, series, minute: nobody is called.
QUIET = [
    (
        "LumbungSubmissionsSlow",
        {
            f'{SLOW_FILES},le="300"}}': "0+2x90",
            f'{SLOW_FILES},le="900"}}': "0+2x90",
            f'{SLOW_FILES},le="+Inf"}}': "0+2x90",
        },
        80,
    ),
    # Refused callers are no fault of the service.
    ("LumbungCallsFail", {f'{CALLS},code="NOT_FOUND"}}': "0+50x60", f'{CALLS},code="OK"}}': "0+50x60"}, 30),
    ("LumbungCallsFail", {f'{CALLS},code="INTERNAL"}}': "0+1x60", f'{CALLS},code="OK"}}': "0+99x60"}, 30),
    # Another release beside it.
    (
        "LumbungCallsFail",
        {'lumbung_grpc_calls_total{namespace="other",app_kubernetes_io_component="catalog",code="INTERNAL"}': "0+9x60"},
        30,
    ),
    # A short burst.
    ("LumbungCallsFail", {f'{CALLS},code="INTERNAL"}}': "0x20 9x40", f'{CALLS},code="OK"}}': "0+97x60"}, 40),
    # Calls that wait by their nature.
    ("LumbungCallsSlow", slow("/lumbung.compute.v1.QueryService/RunQuery"), 60),
    ("LumbungCallsSlow", slow("/lumbung.catalog.v1.CatalogService/GetDataset", slowest="1.5"), 60),
    ("LumbungPartSilent", {f'up{{{CATALOG},pod="catalog-1"}}': "1x10 0x3 1x30"}, 14),
    ("LumbungSubmissionsFail", {f'lumbung_ingest_submissions_total{{{NAMESPACE},state="rejected"}}': "0+5x60"}, 50),
    ("LumbungSubmissionsFail", {f'lumbung_ingest_submissions_total{{{NAMESPACE},state="failed"}}': "3x60"}, 50),
    ("LumbungGatewayRefuses", {f'envoy_http_downstream_rq_xx{{{ENVOY},envoy_response_code_class="4"}}': "0+50x60", f"envoy_http_downstream_rq_total{{{ENVOY}}}": "0+100x60"}, 30),
    ("LumbungMemoryNearItsLimit", {f"container_memory_working_set_bytes{{{POD}}}": "800x60", f'kube_pod_container_resource_limits{{{POD},resource="memory"}}': "1000x60"}, 30),
    ("LumbungClaimNearlyFull", {f"kubelet_volume_stats_available_bytes{{{CLAIM}}}": "20x60", f"kubelet_volume_stats_capacity_bytes{{{CLAIM}}}": "100x60"}, 30),
]  # fmt: skip


@pytest.fixture(scope="module")
def promtool():
    """`promtool(words…)`; a skip where there is none."""
    program = find_promtool()
    if program is None:
        pytest.skip("NO PROMTOOL: the alerts are NOT tested here. Build it: make promtool")

    def run(*words):
        return subprocess.run([program, *words], capture_output=True, text=True, timeout=120, check=False)

    return run


@pytest.fixture(scope="module")
def rule_file(rendered, tmp_path_factory):
    """The rules as the cluster gets them."""
    (rule,) = of_kind(rendered["large"], "PrometheusRule")
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(yaml.safe_dump(rule["spec"], sort_keys=False))
    return path


def test_prometheus_reads_the_rules(promtool, rule_file):
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(rule_file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_reads_the_dashboards_queries(promtool, tmp_path):
    queries = [
        target["expr"].replace("$__rate_interval", "5m").replace("$__range", "1h").replace("$namespace", "n")
        for panel in panels()
        for target in panel["targets"]
    ]
    assert not [query for query in queries if "$" in query]
    recorded = [{"record": f"panel:query:{number}", "expr": query} for number, query in enumerate(queries)]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    done = promtool("check", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def check(promtool, rule_file, folder, alert, series, minute, expected):
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"alertname": alert, "eval_time": f"{minute}m", "exp_alerts": expected}],
    }
    path = folder / "test.yaml"
    document = {"rule_files": [str(rule_file)], "evaluation_interval": "1m", "tests": [test]}
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("alert", "series", "minute", "labels", "summary"), FIRES)
def test_it_calls_somebody(promtool, rule_file, tmp_path, alert, series, minute, labels, summary):
    (rule,) = [rule for rule in rules() if rule["alert"] == alert]
    expected = {
        "exp_labels": {**labels, **rule["labels"]},
        "exp_annotations": {**rule["annotations"], "summary": summary},
    }
    check(promtool, rule_file, tmp_path, alert, series, minute, [expected])


@pytest.mark.parametrize(("alert", "series", "minute"), QUIET)
def test_it_leaves_everybody_alone(promtool, rule_file, tmp_path, alert, series, minute):
    check(promtool, rule_file, tmp_path, alert, series, minute, [])


def test_every_alert_is_tested_both_ways():
    names = {rule["alert"] for rule in rules()}
    assert {case[0] for case in FIRES} == names
    assert {case[0] for case in QUIET} == names
