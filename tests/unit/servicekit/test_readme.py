"""Every block of the README runs."""

import re
from pathlib import Path

README = Path(__file__).parents[3] / "libs" / "servicekit" / "README.md"


def test_the_example(capsys):
    [source] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(source, str(README), "exec"), {})  # noqa: S102
    out = capsys.readouterr().out
    assert "tamu tidak berhak memanggil" in out
    assert "There is no submissions/a. List them first." in out
