"""Every block of the README runs."""

import re
import shlex
from pathlib import Path

import pytest

from lumbung.cli.main import run

README = Path(__file__).parents[3] / "sdk" / "README.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    "line", [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
)
def test_a_command(platform, line, capsys):
    words = shlex.split(line)
    assert words[0] == "lumbung"
    assert run(words[1:]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "expected"), [(0, ["2 True", "NOT_FOUND R_NOT_FOUND"]), (1, ["INFO line 0", "INFO line 2"])]
)
def test_an_example(platform, tmp_path, monkeypatch, capsys, number, expected):
    (tmp_path / "panel.csv").write_text("a\n1\n")
    monkeypatch.chdir(tmp_path)
    source = [text for kind, text in BLOCKS if kind == "python"][number]
    exec(compile(source, str(README), "exec"), {"__name__": "__main__"})  # noqa: S102
    out = capsys.readouterr().out
    assert all(part in out for part in expected), out
