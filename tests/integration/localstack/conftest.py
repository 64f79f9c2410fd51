"""One small stack per module, on free ports and in a temporary folder, through the command line as a user has it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localstack.settings import StackSettings, load_settings

from support.ports import free_base_port


@dataclass
class RunningStack:
    """A stack under test."""

    env: dict[str, str]

    @property
    def settings(self) -> StackSettings:
        return load_settings(self.env)

    def run(self, *arguments: str, seconds: float = 150) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "localstack", *arguments]
        return subprocess.run(
            command, env=self.env, capture_output=True, text=True, timeout=seconds, check=False
        )

    def status(self) -> dict[str, Any]:
        return json.loads(self.run("status", "--json").stdout)

    def wait_green(self, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while not (status := self.status())["green"]:
            assert time.monotonic() < deadline, status
            time.sleep(0.3)
        return status


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder: Path = tmp_path_factory.mktemp("stack")
    # pytest keeps its folders private; PostgreSQL's own user has to pass through all the same.
    env = {**os.environ, "LUMBUNG_BASE_PORT": str(free_base_port()), "LUMBUNG_DATA_DIR": str(folder / "data")}
    running = RunningStack(env)
    try:
        yield running
    finally:
        running.run("reset")
