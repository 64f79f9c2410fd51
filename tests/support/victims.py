"""The stack's processes as targets: which there are, and how to end one without a word."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil

from localstack.census import census
from localstack.layout import Layout

from support.stack import ROOT, RunningStack

__all__ = ["VICTIMS", "Victim", "find", "seconds_until_green", "unnamed"]


@dataclass(frozen=True)
class Victim:
    """A kind of process: the part that it belongs to and a word of its command line (empty: the part's only one).

    A space at the word's end ends a module's name: `-m compute_service ` is not its worker. A `fleeting` one comes and
    goes by itself, so that it may be absent.
    """

    part: str
    word: str = ""
    fleeting: bool = False

    def __str__(self) -> str:
        return f"{self.part}-{self.word.strip()}" if self.word else self.part


VICTIMS = (
    Victim("postgres", "bin/postgres -D"),
    Victim("postgres", "checkpointer"),
    Victim("postgres", "lumbung_compute 127"),
    Victim("postgres", "lumbung_lake 127"),
    Victim("s3"),
    Victim("keycloak"),
    Victim("telemetry"),
    Victim("catalog"),
    Victim("ingest", "-m ingest_service "),
    Victim("ingest", "engine.forkserver", fleeting=True),
    Victim("compute", "-m compute_service "),
    Victim("compute", "engine.worker", fleeting=True),
    Victim("dask-scheduler"),
    Victim("dask-worker-1"),
    Victim("dask-worker-2"),
    Victim("inference", "-m inference_service "),
    Victim("inference", "executor.driver", fleeting=True),
    Victim("ray", "ray_head"),
    Victim("ray", "gcs_server"),
    Victim("ray", "raylet/raylet"),
    Victim("ray", "dashboard.py"),
    Victim("ray", "DashboardAgent"),
    Victim("ray", "RuntimeEnvAgent"),
    Victim("ray", "ServeController"),
    Victim("ray", "ServeReplica"),
    Victim("portal"),
    Victim("gateway"),
    Victim("guardian"),
    Victim("supervisor", "localstack.supervisor"),
)
# PostgreSQL's other helpers and connections, which it replaces in the way of those above; idle workers of Ray.
_ALIKE = (("postgres", "postgres: "), ("ray", "ray::IDLE"))
# Longer than the supervisor takes to see that a part does not answer any more (it asks every five seconds).
_STAYS_SECONDS = 8.0


def _processes(stack: RunningStack) -> list[tuple[str, psutil.Process, str]]:
    found = []
    for identity, part in census(Layout(stack.settings.data_dir)).items():
        try:
            process = psutil.Process(identity.pid)
            found.append((part, process, " ".join(process.cmdline())))
        except psutil.NoSuchProcess:
            continue
    return found


def _is_of(victim: Victim, part: str, command: str) -> bool:
    return part == victim.part and victim.word in f"{command} "


def find(stack: RunningStack, victim: Victim) -> list[psutil.Process]:
    """The victim's processes that run now."""
    return [process for part, process, command in _processes(stack) if _is_of(victim, part, command)]


def unnamed(stack: RunningStack) -> list[str]:
    """Processes of the stack that no victim and no kind alike names."""
    return [
        f"{part}: {command[:160]}"
        for part, _process, command in _processes(stack)
        if not any(_is_of(victim, part, command) for victim in VICTIMS)
        and not any(part == name and word in command for name, word in _ALIKE)
    ]


def seconds_until_green(stack: RunningStack, begun: float, limit: float) -> tuple[float, str]:
    """Seconds from `begun` (monotonic) until `status` is green and stays so; what is not, at the limit."""
    green_since, trouble = None, ""
    while time.monotonic() - begun < limit:
        looked = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "localstack", "status", "--json"],
            cwd=ROOT, env=stack.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        status = json.loads(done.stdout)
        if status["green"]:
            green_since = looked if green_since is None else green_since
            if looked - green_since > _STAYS_SECONDS:
                return green_since - begun, ""
        else:
            green_since = None
            trouble = ", ".join(
                f"{name} {part['state']} ({part['detail']})"
                for name, part in status["parts"].items()
                if part["state"] != "ready"
            )
        time.sleep(0.5)
    return time.monotonic() - begun, trouble or "the supervisor does not run"
