"""Parts of the command line that need no platform."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from lumbung.catalog.v1 import dataset_service_pb2
from lumbung.cli.arguments import hoist
from lumbung.cli.arrow_rows import column_names, rows
from lumbung.cli.context import OutputFormat, options
from lumbung.cli.plain import message_dict, plain
from lumbung.cli.printing import print_rows
from lumbung.config import find_endpoints
from lumbung.declarations import read_declarations
from lumbung.errors import ApiError
from lumbung.traces import render_tree


@pytest.mark.parametrize(
    ("line", "front", "rest"),
    [
        ("sql q -o json", "-o json", "sql q"),
        ("sql -ojson q", "-o json", "sql q"),
        ("sql --output=json q --gateway h:1", "--output json --gateway h:1", "sql q"),
        ("sql -- -o json", "", "sql -- -o json"),
        ("sql q -o", "-o", "sql q"),
        ("sql --purpose=-o q", "", "sql --purpose=-o q"),
    ],
)
def test_options_of_every_command_may_stand_anywhere(line, front, rest):
    assert hoist(line.split()) == (front.split(), rest.split())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (10**40, 10**40),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.00000001"), "0.00000001"),
        (b"\xff", "/w=="),
        (float("-inf"), "-Infinity"),
        (datetime(1, 2, 3, tzinfo=UTC), "0001-02-03T00:00:00+00:00"),
        (time(1, 2, 3, 4), "01:02:03.000004"),
        (timedelta(days=1, microseconds=1), "PT86400.000001S"),
        ({1: [Decimal("0.10")]}, {"1": ["0.10"]}),
    ],
)
def test_plain_values_keep_every_digit(value, expected):
    assert plain(value) == expected


def test_messages_keep_integers_at_any_depth_and_say_what_is_absent():
    dataset = dataset_service_pb2.Dataset(name="datasets/a")
    assert message_dict(dataset)["latest_snapshot"] is None
    dataset.latest_snapshot.rows = 2**62
    dataset.latest_snapshot.control_totals["t"] = "1.00"
    found = message_dict(dataset)["latest_snapshot"]
    assert (found["rows"], found["control_totals"]) == (2**62, {"t": "1.00"})


def test_arrow_times_beyond_those_of_python():
    table = pa.table(
        {
            "far": pa.array([10**15, None], pa.timestamp("s")),
            "before": pa.array([-1, 0], pa.timestamp("ns")),
            "clock": pa.array([1, 86_399_999_999_999], pa.time64("ns")),
            "took": pa.array([1, -1], pa.duration("ns")),
        }
    )
    first, second = rows(table)
    assert first["far"] == "1000000000000000 s after 1970-01-01"
    assert second["far"] is None
    assert (first["before"], second["before"]) == ("1969-12-31T23:59:59.999999999", "1970-01-01T00:00:00")
    assert (first["clock"], second["clock"]) == ("00:00:00.000000001", "23:59:59.999999999")
    assert (first["took"], second["took"]) == ("PT0.000000001S", "PT-0.000000001S")


def test_no_column_hides_another():
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert column_names(table) == ["a", "a_2"]
    assert rows(table) == [{"a": 1, "a_2": 2}]


def test_columns_line_up_with_wide_and_combining_characters(capsys, monkeypatch):
    monkeypatch.setattr(options, "output", OutputFormat.TABLE)
    print_rows([{"a": "鈴木", "b": "x"}, {"a": "e\u0301", "b": "y"}, {"a": "a" * 100, "b": "z"}])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "鈴木" + " " * 58 + "x"
    assert lines[3] == "e\u0301" + " " * 61 + "y"
    assert lines[4].startswith("a" * 59 + "…  z")


def test_a_number_is_never_cut(capsys, monkeypatch):
    monkeypatch.setattr(options, "output", OutputFormat.TABLE)
    print_rows([{"n": 10**75}, {"n": -1}])
    assert str(10**75) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "gateway", "tls"),
    [
        ("h:1", "h:1", False),
        ("http://h", "h:80", False),
        ("https://h", "h:443", True),
        ("https://h:8443/path/", "h:8443", True),
        ("http://[::1]:5", "[::1]:5", False),
        ("https://[::1]", "[::1]:443", True),
    ],
)
def test_a_gateway_is_an_address_or_a_url(given, gateway, tls, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = find_endpoints(given)
    assert (found.gateway, found.tls) == (gateway, tls)


def test_a_broken_description_of_the_stack_is_named(monkeypatch, tmp_path):
    (tmp_path / "stack.json").write_text("[")
    monkeypatch.setenv("LUMBUNG_STACK_FILE", str(tmp_path / "stack.json"))
    with pytest.raises(ApiError, match=r"stack\.json"):
        find_endpoints()


def test_declarations_come_policies_first_and_wrong_ones_are_named(tmp_path):
    (tmp_path / "a.yaml").write_text("kind: Pipeline\nname: p\n")
    (tmp_path / "b.yaml").write_text("kind: Policy\nname: q\n")
    (tmp_path / "c.yaml").write_text("other: 1\n")
    (tmp_path / "e.yaml").write_text("kind: Source\nname: s\n")
    (tmp_path / "f.yaml").write_text("kind: Dataset\nname: d\n")
    assert [entry.kind for entry in read_declarations(tmp_path)] == [
        "Policy",
        "Dataset",
        "Source",
        "Pipeline",
    ]
    (tmp_path / "d.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ApiError, match=r"d\.yaml"):
        read_declarations(tmp_path)
    with pytest.raises(ApiError, match="no declarations"):
        read_declarations(tmp_path / "nothing")


def test_a_deep_trace_is_drawn():
    spans = [
        {
            "span_id": f"{n}",
            "parent_span_id": f"{n - 1}" if n else "gone",
            "service": "s",
            "name": "n",
            "start_ns": n,
            "end_ns": n + 1,
        }
        for n in range(3000)
    ]
    lines = render_tree(spans)
    assert len(lines) == 3000
    assert lines[2].startswith("    s: n")
