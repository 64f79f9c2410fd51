"""What is scraped, alerted on and shown exists: ports in pods, metrics in the services' code."""

import re

import pytest
import yaml

from support.helm import ROOT, containers, of_kind, pods
from support.monitoring import expressions, panels, rules, selectors

# Metrics of others: Kubernetes, Envoy, Dask.
FOREIGN = r"(up|container|kube|kubelet|envoy|dask)(_|$)"


@pytest.fixture(scope="module")
def own_metrics():
    """Names that the services' code declares, without the endings that Prometheus adds."""
    sources = [*(ROOT / "services").rglob("src/**/*.py"), *(ROOT / "libs").rglob("src/**/*.py")]
    declared = re.compile(r"(?:Counter|Histogram|Gauge)\(\s*\"(lumbung_\w+)\"")
    return {name for path in sources for name in declared.findall(path.read_text())}


def test_alerts_and_panels_ask_for_metrics_that_exist(own_metrics):
    for selector in selectors():
        plain = re.sub(r"_(total|bucket|sum|count)$", "", selector.metric)
        known = re.match(FOREIGN, selector.metric) or plain in own_metrics
        assert known, f"{selector.asked_by}: {selector.metric}"


def test_every_expression_asks_for_something():
    asking = {selector.asked_by for selector in selectors()}
    assert asking == {name for name, _ in expressions()}


def test_every_alert_says_what_to_do():
    for rule in rules():
        assert rule["annotations"]["summary"]
        assert len(rule["annotations"]["description"]) > 20
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_the_page_of_alerts_says_what_to_do_at_each():
    page = (ROOT / "docs" / "operations" / "alerts.md").read_text()
    told = set(re.findall(r"`(Lumbung[A-Z]\w+)`", page))
    assert told == {rule["alert"] for rule in rules()}


def test_the_four_golden_signals_are_shown():
    titles = " ".join(panel["title"] for panel in panels())
    for signal in ("Traffic", "Errors", "Latency", "Saturation"):
        assert signal in titles


def test_every_port_that_is_scraped_is_one_of_a_pod_and_lets_the_scraper_in(rendered):
    objects = rendered["large"]
    (monitor,) = of_kind(objects, "PodMonitor")
    scraped = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
    policies = {
        entry["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component"): entry["spec"]
        for entry in of_kind(objects, "NetworkPolicy")
    }
    found = set()
    for part, pod in pods(objects).items():
        for container in containers(pod):
            for port in container.get("ports", []):
                if port["name"] in scraped:
                    found.add(port["name"])
                    let_in = [
                        rule
                        for rule in policies[part]["ingress"]
                        if rule["ports"] == [{"protocol": "TCP", "port": port["containerPort"]}]
                    ]
                    assert any("namespaceSelector" in peer for rule in let_in for peer in rule["from"]), part
    assert {"metrics", "replica-metrics", "status", "dask-http"} <= found


def test_alerts_hold_for_the_release_alone(rendered):
    (rule,) = of_kind(rendered["large"], "PrometheusRule")
    text = yaml.safe_dump(rule["spec"])
    assert "NAMESPACE" not in text
    assert 'namespace="lumbung-test"' in text
