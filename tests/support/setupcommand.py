"""`python -m platformsetup` as a job runs it: a settings file, and secrets in the environment."""

import os
import subprocess
import sys

import yaml

__all__ = ["setup_command"]


def setup_command(command, settings, secrets, folder):
    """Runs one command with nothing but its own settings and secrets; returns the finished process."""
    path = folder / f"{command}.yaml"
    path.write_text(yaml.safe_dump(settings))
    environment = {"PATH": os.environ["PATH"], "LUMBUNG_CONFIG": str(path), **secrets}
    return subprocess.run(
        [sys.executable, "-m", "platformsetup", command],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
