"""What alerts and panels ask for is what the running parts tell, down to the labels."""

import re
import time

import httpx
import pytest

from support.monitoring import selectors

# Of Kubernetes, and of Prometheus itself.
NOT_HERE = ("container_", "kube_", "kubelet_", "up")
# Not by prometheus_client's parser, which gives Envoy's counters an ending that Prometheus does not.
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? ", re.MULTILINE)
# Told where somebody set it: tests/integration/compute/test_metrics.py sees it.
WHERE_SET = {"lumbung_lake_table_expected_seconds"}
WANTED = [
    selector
    for selector in selectors()
    if not selector.metric.startswith(NOT_HERE) and selector.metric not in WHERE_SET
]
MEASURED = "lumbung_lake_table_commit_timestamp_seconds"


@pytest.fixture(scope="module")
def told(loaded_stack):
    """Labels of each metric's samples, by the name of the sample."""
    pages = [
        *loaded_stack.description["metrics"].values(),
        f"{loaded_stack.description['envoy_admin_url']}/stats/prometheus",
        f"http://{loaded_stack.behind('dask_scheduler_http')}/metrics",
    ]
    # The main job's tables are measured at the next look after it, not at this one.
    deadline = time.monotonic() + 120
    while MEASURED not in (found := _labels(pages)):
        assert time.monotonic() < deadline, "no table of the lake is measured"
        time.sleep(2)
    return found


def _labels(pages):
    found: dict[str, set[str]] = {}
    for page in pages:
        for name, labels in SAMPLE.findall(httpx.get(page, timeout=20).raise_for_status().text):
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def test_there_is_something_to_check():
    assert len({selector.metric for selector in WANTED}) >= 9


@pytest.mark.parametrize("selector", WANTED, ids=lambda selector: f"{selector.asked_by}: {selector.metric}")
def test_a_running_part_tells_it(told, selector):
    assert selector.metric in told, f"no part tells {selector.metric}"
    assert selector.labels <= told[selector.metric]
