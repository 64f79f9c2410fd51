"""The command line against the platform on loopback."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
import typer

from lumbung.cli.main import run

KINDS = {
    "unauthenticated": 3,
    "permission_denied": 4,
    "not_found": 5,
    "invalid_argument": 6,
    "failed_precondition": 6,
    "already_exists": 6,
    "unavailable": 7,
    "deadline_exceeded": 7,
    "aborted": 7,
    "resource_exhausted": 8,
    "internal": 1,
    "crash": 1,
}


@pytest.fixture
def cli(platform, capsys):
    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.parametrize("kind", KINDS)
def test_each_error_has_its_exit_code_in_both_forms(cli, kind):
    code, out, err = cli("datasets", "show", kind)
    assert (code, out) == (KINDS[kind], "")
    assert err.startswith("lumbung: ")
    assert "Traceback" not in err
    code, out, err = cli("datasets", "show", kind, "--output", "json")
    told = json.loads(err)["error"]
    assert (code, out, told["exit_code"]) == (KINDS[kind], "", KINDS[kind])
    assert len(told["trace_id"]) == 32


def test_indonesian(cli):
    assert "dalam bahasa Indonesia" in cli("datasets", "show", "not_found", "--language", "id")[2]
    assert "Lihat `lumbung datasets show --help`." in cli("datasets", "show", "--language=id")[2]


@pytest.mark.parametrize("line", [["-o", "json"], ["-ojson"], ["--output=json"], ["--output", "json"]])
def test_the_format_may_stand_anywhere(cli, line):
    for arguments in (
        [*line, "datasets", "show", "a"],
        ["datasets", *line, "show", "a"],
        ["datasets", "show", "a", *line],
    ):
        code, out, _ = cli(*arguments)
        assert code == 0
        assert json.loads(out)["owner"] == "鈴木"


def test_every_value_of_arrow_is_exact(cli, platform):
    platform.services.table = pa.table(
        {
            "big": pa.array([2**63 - 1], pa.int64()),
            "huge": pa.array([Decimal("99999999999999999999999999999999999.999")], pa.decimal128(38, 3)),
            "day": pa.array([date(1, 1, 1)]),
            "moment": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "UTC")),
            "raw": pa.array([b"\x00\xff"]),
            "nothing": pa.nulls(1),
            "nan": pa.array([float("nan")]),
            "list": pa.array([[Decimal("0.10"), None]], pa.list_(pa.decimal128(5, 2))),
        }
    )
    code, out, _ = cli("sql", "SELECT 1", "-o", "json")
    assert code == 0
    assert json.loads(out)["rows"] == [
        {
            "big": 9223372036854775807,
            "huge": "99999999999999999999999999999999999.999",
            "day": "0001-01-01",
            "moment": "2023-11-14T22:13:20.123456789+00:00",
            "raw": "AP8=",
            "nothing": None,
            "nan": "NaN",
            "list": ["0.10", None],
        }
    ]
    _, out, err = cli("sql", "SELECT 1", "--max-rows", "1", "--language", "id")
    assert "99999999999999999999999999999999999.999" in out
    assert "sebagian baris ditahan oleh kebijakan; disamarkan: nik" in err
    assert "dipotong setelah 1 baris" in err


def test_integers_of_messages_stay_exact(cli):
    code, out, _ = cli("submissions", "show", "s1", "-ojson")
    found = json.loads(out)
    assert code == 0
    assert (found["rows_good"], found["rule_counts"]) == (2**53 + 1, {"r": 2**60})
    assert found["control_totals"] == {"total": "123456789012345678901234567890.12"}


def test_a_value_from_a_file_cannot_steer_the_terminal(cli):
    code, out, _ = cli("submissions", "findings", "s1", "--limit", 2)
    assert code == 0
    assert "\x1b" not in out
    assert "\\x1b[31mred" in out


def test_an_upload_and_its_end(cli, platform, upload_file):
    code, out, err = cli("upload", upload_file, "--dataset", "apbd", "-ojson")
    assert (code, err) == (0, "")
    assert json.loads(out)["state"] == "PUBLISHED"
    assert bytes(platform.services.stored) == upload_file.read_bytes()
    assert cli("submissions", "show", "rejected")[0] == 0


def test_a_correction_names_what_it_mends(cli, platform, upload_file):
    assert cli("upload", upload_file, "--dataset", "apbd", "--correction-of", "s9", "--no-wait")[0] == 0
    assert platform.services.upload.correction_of == "submissions/s9"


def test_who_certifies_says_what_he_saw(cli, platform, monkeypatch):
    code, _, err = cli("submissions", "certify", "s1")
    assert (code, platform.services.decided) == (2, None)
    assert "--digest" in err
    code, out, _ = cli("submissions", "certify", "s1", "--digest", "d0", "--no-wait", "-ojson")
    assert (code, json.loads(out)["state"]) == (0, "CERTIFIED")
    sent = platform.services.decided
    assert (sent.content_digest, bool(sent.request_id)) == ("d0", True)
    assert dict(sent.control_totals) == {"total": "123456789012345678901234567890.12"}
    # On a terminal the rows and totals are shown, and asked about.
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for yes, expected in ((True, "d1"), (False, "")):
        platform.services.decided = None

        def confirm(_question, *, abort, yes=yes):
            if not yes and abort:
                raise typer.Abort

        monkeypatch.setattr(typer, "confirm", confirm)
        code, out, _ = cli("submissions", "certify", "s1", "--no-wait")
        assert "content_digest" in out
        decided = platform.services.decided
        assert (code == 0, decided.content_digest if decided else "") == (yes, expected)


def test_reject_withdraw_and_revert(cli, platform):
    for step, state in (("reject", "REJECTED"), ("withdraw", "WITHDRAWN")):
        code, out, _ = cli("submissions", step, "s1", "--reason", "r", "--request-id", "q", "-ojson")
        assert (code, json.loads(out)["state"]) == (0, state)
        assert (platform.services.decided.reason, platform.services.decided.request_id) == ("r", "q")
    assert cli("submissions", "reject", "s1")[0] == 2
    code, out, _ = cli("submissions", "revert", "s1", "--reason", "r", "--no-wait", "-ojson")
    assert (code, json.loads(out)["state"]) == (0, "REVERTING")
    # The platform said in the end that it stays published.
    platform.services.calls["get_submission"] = 9
    code, out, _ = cli("submissions", "revert", "s1", "--reason", "r", "-ojson")
    assert (code, json.loads(out)["state"]) == (9, "PUBLISHED")
    code, out, _ = cli("submissions", "steps", "s1", "-ojson")
    assert [(row["action"], row["state"]) for row in json.loads(out)] == [("certify", "CERTIFIED")]


def test_downloads_are_whole_or_not_there(cli, tmp_path):
    for command, name in (
        ("report", "r.html"),
        ("report", "r.xlsx"),
        ("report", "r.json"),
        ("bad-rows", "b.csv"),
    ):
        code, out, _ = cli("submissions", command, "s1", "--to", tmp_path / name, "-ojson")
        assert (code, json.loads(out)["bytes"]) == (0, 2000)
        assert (tmp_path / name).read_bytes() == b"a" * 1000 + b"b" * 1000
    before = sorted(tmp_path.iterdir())
    code, _, err = cli("submissions", "report", "s1", "--to", tmp_path / "r.pdf")
    assert (code, ".html" in err) == (2, True)
    assert cli("submissions", "report", "broken", "--to", tmp_path / "x.html")[0] == 1
    assert sorted(tmp_path.iterdir()) == before


def test_differences(cli):
    code, out, _ = cli("submissions", "diff", "s1", "-ojson")
    found = json.loads(out)
    assert code == 0
    assert found["rows"] == [{"kind": "CHANGED", "key": {"year": "2017"}, "values": {"v": ["1", "2"]}}]
    code, out, _ = cli("submissions", "diff", "s1")
    assert (code, "CHANGED" in out, "rows_changed" in out) == (0, True, True)


def test_a_failed_run_has_its_own_exit_code(cli):
    code, out, _ = cli("pipelines", "run", "bad", "-ojson")
    assert (code, json.loads(out)["state"]) == (9, "FAILED")
    code, out, _ = cli("runs", "logs", "pipelines/bad/runs/1", "-ojson")
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["line 0", "line 1", "line 2"]


def test_sources_and_their_runs(cli, tmp_path):
    declaration = tmp_path / "span.yaml"
    declaration.write_text("kind: Source\nname: span\n")
    code, out, _ = cli("apply", declaration, "-ojson")
    assert (code, json.loads(out)[0]["name"]) == (0, "sources/span")
    assert json.loads(cli("sources", "list", "-ojson")[1])[0]["name"] == "sources/span"
    assert json.loads(cli("sources", "show", "span", "-ojson")[1])["dataset"] == "datasets/payment"
    code, out, _ = cli("sources", "run", "span", "--full", "--no-wait", "-ojson")
    begun = json.loads(out)
    assert (code, begun["full"], begun["state"]) == (0, True, "RUNNING")
    assert (begun["rows_read"], begun["rule_counts"], begun["duration"]) == (2**60, {"r": 3}, "1.5 s")
    for verb in ("wait", "retry", "cancel", "show"):
        code, out, _ = cli("sources", verb, begun["name"], "-ojson")
        assert (code, json.loads(out)["state"]) == (0, "SUCCEEDED")
    assert json.loads(cli("sources", "runs", "-ojson")[1])[0]["name"] == "sources/-/runs/1"
    assert cli("sources", "run", "bad")[0] == 9


def test_models(cli, tmp_path):
    onnx = tmp_path / "m.onnx"
    onnx.write_bytes(b"onnx")
    code, out, _ = cli("models", "register", "m", onnx, "--metrics", '{"wape": 0.1}', "-ojson")
    assert (code, json.loads(out)["size_bytes"]) == (0, 2**40)
    assert cli("models", "deploy", "models/m/versions/1")[0] == 0
    tensors = '[{"name": "x", "datatype": "FP64", "shape": [2], "data": [1, 2]}]'
    code, out, _ = cli("models", "predict", "m", tensors, "-ojson")
    assert json.loads(out)[0]["data"] == [2.0, 4.0]
    for wrong, exit_code in (
        (tensors.replace("[2]", "[3]"), 6),
        (tensors.replace("FP64", "FP8"), 6),
        ("[", 2),
        ("[1]", 2),
    ):
        code, _, err = cli("models", "predict", "m", wrong)
        assert code == exit_code, err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nosuch"], 2),
        (["datasets", "list", "--what"], 2),
        (["upload", "/nowhere", "--dataset", "a"], 2),
        (["models", "predict", "m", "@/nowhere"], 6),
        (["apply", "/etc/hostname"], 6),
        (["trace", "xyz"], 6),
    ],
)
def test_wrong_usage_and_files_are_json_too(cli, arguments, code):
    found, out, err = cli(*arguments, "-ojson")
    assert (found, out) == (code, "")
    assert json.loads(err)["error"]["exit_code"] == code


def test_a_file_that_is_no_text_is_told(cli, tmp_path):
    (tmp_path / "tensors").write_bytes(b"\xff\xfe")
    code, _, err = cli("models", "predict", "m", f"@{tmp_path / 'tensors'}")
    assert code == 6
    assert "not UTF-8 text" in err


def test_a_wrong_variable_is_told(cli, monkeypatch):
    monkeypatch.setenv("LUMBUNG_OUTPUT", "xml")
    code, _, err = cli("datasets", "list")
    assert code == 2
    assert "LUMBUNG_OUTPUT is 'xml'" in err


def _process(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "lumbung.cli.main", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | options.pop("env", {}),
        **options,
    )


def test_a_reader_that_has_seen_enough_is_no_failure(platform):
    with _process("submissions", "findings", "s1", "--limit", "2345") as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_an_interrupt_ends_quietly(platform):
    process = _process("sql", "endless")
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_a_terminal_without_unicode_still_gets_its_answer(platform):
    process = _process("datasets", "show", "a", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert b"\\u9234" in out


@pytest.mark.parametrize("words", [[], ["sql"], ["models", "predict"], ["runs", "logs"]])
def test_help_is_quick_and_loads_nothing_heavy(words):
    heavy = ("grpc", "pyarrow", "httpx", "jwt", "google.protobuf", "yaml")
    program = (
        "import sys; from lumbung.cli.main import run; code = run(sys.argv[1:] + ['--help']);"
        f"print([name for name in {heavy!r} if name in sys.modules]); sys.exit(code)"
    )
    fastest = None
    for _ in range(3):
        before = os.times()
        found = subprocess.run(
            [sys.executable, "-c", program, *words], capture_output=True, check=True, text=True
        )
        after = os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        fastest = spent if fastest is None else min(fastest, spent)
    assert found.stdout.splitlines()[-1] == "[]"
    assert fastest < 0.6  # of the processor; 0.3 s by the clock on a calm machine
