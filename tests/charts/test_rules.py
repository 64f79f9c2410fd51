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
PAGE = f'{NAMESPACE},app_kubernetes_io_component="portal"'
PAGE_SECONDS = f"lumbung_http_seconds_bucket{{{PAGE}"
TABLE = f'{NAMESPACE},zone="lake",dataset="apbd_panel"'
OF_TABLE = {"zone": "lake", "dataset": "apbd_panel"}
MEASURED = f'{NAMESPACE},pod="compute-1",measurement="lake"'
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
        "LumbungSourceRunsFail",
        {f'lumbung_ingest_source_runs_total{{{NAMESPACE},state="failed"}}': "0x40 1x20"},
        50,
        {},
        "1 runs of sources failed in half an hour",
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
    (
        "LumbungPagesFail",
        {
            f'lumbung_http_requests_total{{{PAGE},status="500"}}': "0+3x60",
            f'lumbung_http_requests_total{{{PAGE},status="200"}}': "0+97x60",
        },
        30,
        {},
        "The portal fails in 3% of its pages",
    ),
    (
        "LumbungPagesSlow",
        {
            f'{PAGE_SECONDS},page="home",le="1"}}': "0+30x90",
            f'{PAGE_SECONDS},page="home",le="5"}}': "0+60x90",
            f'{PAGE_SECONDS},page="home",le="+Inf"}}': "0+60x90",
        },
        60,
        {"page": "home"},
        "The portal's page home takes 4.92s at the 99th percentile",
    ),
    (
        "LumbungQueueWaits",
        {
            # Two replicas that tell of one queue are one alert.
            f'lumbung_queue_oldest_seconds{{{NAMESPACE},queue="runs",pod="compute-1"}}': "0+60x60",
            f'lumbung_queue_oldest_seconds{{{NAMESPACE},queue="runs",pod="compute-2"}}': "0+60x60",
        },
        40,
        {"queue": "runs"},
        "The oldest in the queue runs has waited for 40m 0s",
    ),
    (
        "LumbungQueueWaits",
        {f'lumbung_queue_oldest_seconds{{{NAMESPACE},queue="audit_records"}}': "0+60x60"},
        12,
        {"queue": "audit_records"},
        "The oldest in the queue audit_records has waited for 12m 0s",
    ),
    (
        "LumbungManySmallFiles",
        {f"lumbung_lake_table_small_files{{{TABLE}}}": "1001x90"},
        70,
        OF_TABLE,
        "lake.apbd_panel has 1001 small files",
    ),
    (
        "LumbungManySnapshots",
        {f"lumbung_lake_table_snapshots{{{TABLE}}}": "5001x90"},
        70,
        OF_TABLE,
        "lake.apbd_panel keeps 5001 snapshots",
    ),
    (
        "LumbungDatasetLate",
        {
            f"lumbung_lake_table_commit_timestamp_seconds{{{TABLE}}}": "600x120",
            f"lumbung_lake_table_expected_seconds{{{TABLE}}}": "3600x120",
        },
        90,
        OF_TABLE,
        "The newest data of apbd_panel is 1h 20m 0s old",
    ),
    (
        "LumbungNotMeasured",
        {f"lumbung_measured_timestamp_seconds{{{MEASURED}}}": "0x10 600x90"},
        60,
        {"namespace": "lumbung-test", "pod": "compute-1", "measurement": "lake"},
        "compute-1 has not measured lake as a whole for half an hour or longer",
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
    ("LumbungSourceRunsFail", {f'lumbung_ingest_source_runs_total{{{NAMESPACE},state="cancelled"}}': "0+5x60"}, 50),
    ("LumbungGatewayRefuses", {f'envoy_http_downstream_rq_xx{{{ENVOY},envoy_response_code_class="4"}}': "0+50x60", f"envoy_http_downstream_rq_total{{{ENVOY}}}": "0+100x60"}, 30),
    ("LumbungMemoryNearItsLimit", {f"container_memory_working_set_bytes{{{POD}}}": "800x60", f'kube_pod_container_resource_limits{{{POD},resource="memory"}}': "1000x60"}, 30),
    ("LumbungClaimNearlyFull", {f"kubelet_volume_stats_available_bytes{{{CLAIM}}}": "20x60", f"kubelet_volume_stats_capacity_bytes{{{CLAIM}}}": "100x60"}, 30),
    ("LumbungPagesFail", {f'lumbung_http_requests_total{{{PAGE},status="404"}}': "0+50x60", f'lumbung_http_requests_total{{{PAGE},status="200"}}': "0+50x60"}, 30),
    ("LumbungPagesSlow", {f'{PAGE_SECONDS},page="home",le="1"}}': "0+60x90", f'{PAGE_SECONDS},page="home",le="+Inf"}}': "0+60x90"}, 60),
    # The queue moves: what is oldest is never old.
    ("LumbungQueueWaits", {f'lumbung_queue_oldest_seconds{{{NAMESPACE},queue="runs"}}': "1700x60"}, 50),
    ("LumbungQueueWaits", {f'lumbung_queue_oldest_seconds{{{NAMESPACE},queue="runs"}}': "1900x2 0x60"}, 10),
    ("LumbungManySmallFiles", {f"lumbung_lake_table_small_files{{{TABLE}}}": "1000x90"}, 70),
    # A load in many pieces that is put together within the hour.
    ("LumbungManySmallFiles", {f"lumbung_lake_table_small_files{{{TABLE}}}": "5000x50 10x40"}, 55),
    ("LumbungManySnapshots", {f"lumbung_lake_table_snapshots{{{TABLE}}}": "5000x90"}, 70),
    # Nothing is expected of it.
    ("LumbungDatasetLate", {f"lumbung_lake_table_commit_timestamp_seconds{{{TABLE}}}": "0x120"}, 90),
    # Data came in time; one of two replicas has not looked since.
    (
        "LumbungDatasetLate",
        {
            f'lumbung_lake_table_commit_timestamp_seconds{{{TABLE},pod="compute-1"}}': "0x120",
            f'lumbung_lake_table_commit_timestamp_seconds{{{TABLE},pod="compute-2"}}': "0x60 3600x60",
            f'lumbung_lake_table_expected_seconds{{{TABLE},pod="compute-1"}}': "3600x120",
        },
        90,
    ),
    ("LumbungNotMeasured", {f"lumbung_measured_timestamp_seconds{{{MEASURED}}}": "0+60x90"}, 60),
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
