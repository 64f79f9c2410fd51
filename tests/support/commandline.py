"""The command line `lumbung` in a process of its own, with a home of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CommandLine", "Finished"]

_PROGRAM = Path(sys.executable).with_name("lumbung")


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """The output of a command that was asked for JSON."""
        return json.loads(self.output)

    @property
    def error(self) -> dict[str, Any]:
        """The error of a command that was asked for JSON."""
        found: dict[str, Any] = json.loads(self.errors)["error"]
        return found


@dataclass(frozen=True)
class CommandLine:
    """Runs commands as one person."""

    home: Path
    environment: dict[str, str]

    def run(self, *arguments: str | os.PathLike[str], seconds: float = 120.0, text: str = "") -> Finished:
        """One command, whatever comes of it; `text` is its input."""
        done = subprocess.run(
            [_PROGRAM, *arguments],
            env={**self.environment, "LUMBUNG_HOME": str(self.home)},
            cwd=self.home,
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str | os.PathLike[str], seconds: float = 120.0) -> Any:
        """The JSON of a command that has to succeed."""
        done = self.run(*arguments, "-o", "json", seconds=seconds)
        assert done.code == 0, done.errors or done.output
        return done.json

    def fails(self, *arguments: str | os.PathLike[str], seconds: float = 120.0) -> dict[str, Any]:
        """The error of a command that has to fail; it says nothing on its output."""
        done = self.run(*arguments, "-o", "json", seconds=seconds)
        assert done.code != 0, done.output
        assert done.output == ""
        assert done.error["exit_code"] == done.code
        return done.error
