"""One trace covers a call from the client to the last process that works on it."""

import json
import time

import pytest

from support.mainjob import MODEL

STEWARD = "steward-pusat"
ENGINEER = "perekayasa-pusat"
SCIENTIST = "ilmuwan-pusat"
TENSOR = [
    {"name": "inputs", "datatype": "FP64", "shape": [1, 7], "data": [0, 0, 1e12, 9e11, 1.1e12, 1e12, 9.5e11]}
]


@pytest.fixture
def spans(cli):
    """`spans(trace_id, *services)`: the trace once it is whole and has spans of these services.

    Spans are sent in batches when they end: a task's may come before that of the run which it belongs to.
    """

    def wait(trace_id, *services, seconds=25):
        deadline = time.monotonic() + seconds
        while True:
            done = cli().run("trace", trace_id, "-o", "json")
            found = done.json["spans"] if done.code == 0 else []
            there = {span["service"] for span in found}
            loose = [
                (span["service"], span["name"]) for span in _roots(found) if span["service"] != "gateway"
            ]
            if there >= set(services) and not loose:
                return found
            assert time.monotonic() < deadline, (
                f"trace {trace_id} has {sorted(there)}, wanted are {services}; without a parent: {loose}"
            )
            time.sleep(0.5)

    return wait


def _roots(found):
    """Spans whose parent is not in the trace."""
    known = {span["span_id"] for span in found}
    return [span for span in found if span.get("parent_span_id") not in known]


def _assert_one_tree(found):
    """Every span's parent is in the trace, but for those that the client's own (unsent) spans are parents of."""
    roots = _roots(found)
    assert roots
    assert {span["service"] for span in roots} == {"gateway"}, [(s["service"], s["name"]) for s in roots]
    assert all(span["end_ns"] >= span["start_ns"] for span in found)


def _services_above(found, span):
    """The services of a span and of those above it, up to the root."""
    by_id = {entry["span_id"]: entry for entry in found}
    services = []
    while span is not None:
        services.append(span["service"])
        span = by_id.get(span.get("parent_span_id"))
    return services


def test_a_query(cli, spans):
    answer = cli(STEWARD).ok("sql", "SELECT count(*) AS n FROM apbd_panel")
    found = spans(answer["trace_id"], "gateway", "compute", "catalog")
    _assert_one_tree(found)
    assert any(
        span["name"].endswith("QueryService/RunQuery") for span in found if span["service"] == "compute"
    )


def test_a_pipeline_reaches_the_dask_tasks(cli, spans, loaded_stack):
    run = cli(ENGINEER).ok("pipelines", "run", "apbd_by_province", seconds=180)
    assert run["state"].endswith("SUCCEEDED")
    found = spans(run["trace_id"], "gateway", "compute", "compute-worker")
    (begun, *_others) = (span for span in found if span["name"].startswith("task "))
    assert _services_above(found, begun) == ["compute-worker", "compute", "compute", "gateway", "gateway"]


def test_an_upload(cli, spans, practice, tmp_path):
    file = tmp_path / "offices.csv"
    file.write_text("kode;nama;pagu\n0000001;A;1.000\n")
    done = cli("kontributor-pusat").ok("upload", file, "--dataset", practice.offices)
    spans(done["trace_id"], "gateway", "ingest", "catalog")


def test_a_prediction_reaches_the_replica(loaded_stack, spans):
    from lumbung.tensors import Tensor

    with loaded_stack.new_client(SCIENTIST) as client:
        client.models.predict(MODEL, [Tensor("inputs", "FP64", (1, 7), TENSOR[0]["data"])])
        trace_id = client.trace_id
    found = spans(trace_id, "gateway", "inference-replica")
    _assert_one_tree(found)


def test_a_refused_call_leaves_its_trace(cli, spans):
    error = cli(STEWARD).fails("sql", "DROP TABLE province")
    assert error["trace_id"]
    found = spans(error["trace_id"], "gateway", "compute")
    assert any(span.get("status") == "ERROR" for span in found)


def test_the_tree_is_printed(cli):
    answer = cli(STEWARD).ok("sql", "SELECT 1 AS one")
    deadline = time.monotonic() + 25
    while True:
        done = cli().run("trace", answer["trace_id"])
        if "compute" in done.output and "gateway" in done.output:
            break
        assert time.monotonic() < deadline, done.output or done.errors
        time.sleep(0.5)
    assert " ms" in done.output


def test_an_unknown_trace_is_not_found(cli):
    assert cli().fails("trace", "0" * 31 + "1")["exit_code"] == 5
    assert cli().fails("trace", "not-an-id")["exit_code"] == 6


def test_predictions_are_in_the_audit_log(cli, loaded_stack):
    with loaded_stack.new_client(SCIENTIST) as client:
        from lumbung.tensors import Tensor

        client.models.predict(MODEL, [Tensor("inputs", "FP64", (1, 7), TENSOR[0]["data"])])
        trace_id = client.trace_id
    deadline = time.monotonic() + 20
    while True:
        entries = cli("auditor-pusat").ok("audit", "list", "--username", SCIENTIST, "--limit", "50")
        mine = [entry for entry in entries if trace_id in json.dumps(entry)]
        if mine:
            break
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert any(f"models/{MODEL}" in entry["resource"] for entry in mine)
