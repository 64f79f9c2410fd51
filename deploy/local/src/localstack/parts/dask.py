"""Dask: a scheduler and two workers as processes, TLS between them, no dashboard.

There is no nanny: the supervisor itself watches the workers' memory and starts dead ones again, which saves two
processes of 100 MiB.
"""

import importlib.util
import os
import sys
from pathlib import Path

import yaml

from localstack.certificates import ensure_certificates
from localstack.environment import base_environment
from localstack.errors import NotReadyError
from localstack.layout import Layout, write_private
from localstack.part import Launch, Part
from localstack.parts.lakesettings import lake_secrets, lake_settings
from localstack.ports import HOST
from localstack.settings import StackSettings
from localstack.source import source_stamp
from localstack.web import expect_ok

WORKERS = 2
# Sets up logs and traces in a worker and loads what tasks need.
_PRELOAD = "compute_service.executor.worker_preload"
# Slows down the scheduler's own housekeeping; `_PRELOAD` does so in a worker.
_SCHEDULER_PRELOAD = "compute_service.executor.dask_settings"
_WORKER_BYTES = 2**30
# Dask pauses and spills by its own limit; beyond this one the supervisor ends the worker.
_WORKER_LIMIT_BYTES = int(_WORKER_BYTES * 1.25)
_SCHEDULER_ROUTES = [
    "distributed.http.health",
    "distributed.http.scheduler.json",
    "distributed.http.scheduler.prometheus",
]
_WORKER_ROUTES = ["distributed.http.health", "distributed.http.worker.prometheus"]


def dask_parts(settings: StackSettings) -> tuple[Part, ...]:
    """The scheduler and its workers."""
    cluster = DaskCluster(settings)
    ports = settings.ports
    scheduler = Part(
        name="dask-scheduler",
        title="Dask scheduler",
        launch=cluster.launch_scheduler,
        probe=cluster.probe_scheduler,
        ports=(ports["dask_scheduler"], ports["dask_scheduler_http"]),
        stop_seconds=8.0,
        urls={"dask": f"tls://{ports.address('dask_scheduler')}"},
    )
    workers = [
        Part(
            name=f"dask-worker-{number}",
            title=f"Dask worker {number}",
            launch=lambda number=number: cluster.launch_worker(number),  # type: ignore[misc]
            probe=lambda number=number: cluster.probe_worker(number),  # type: ignore[misc]
            needs=("dask-scheduler",),
            ports=(ports[f"dask_worker_{number}"], ports[f"dask_worker_{number}_http"]),
            stop_seconds=8.0,
            memory_limit=_WORKER_LIMIT_BYTES,
        )
        for number in range(1, WORKERS + 1)
    ]
    return (scheduler, *workers)


def dask_environment(settings: StackSettings) -> dict[str, str]:
    """Dask's settings for the scheduler, the workers and clients of them: TLS only, with our certificates."""
    secrets = Layout(settings.data_dir).secrets
    env = {
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True",
        "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(secrets / "dask-ca.pem"),
    }
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        env[f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT"] = str(secrets / "dask-cert.pem")
        env[f"DASK_DISTRIBUTED__COMM__TLS__{role}__KEY"] = str(secrets / "dask-key.pem")
    return env


def _preload(module: str) -> list[str]:
    """Arguments that load a module, where its package is installed."""
    installed = importlib.util.find_spec(module.partition(".")[0]) is not None
    return ["--preload", module] if installed else []


class DaskCluster:
    """Starts and questions scheduler and workers."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self._layout = Layout(settings.data_dir)
        self._ports = settings.ports

    def launch_scheduler(self) -> Launch:
        """Write the certificates if needed and say how to run the scheduler."""
        ensure_certificates(self._layout.secrets)
        argv = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", f"tls://{HOST}"]
        argv += ["--port", str(self._ports["dask_scheduler"]), "--no-dashboard"]
        argv += ["--dashboard-address", self._ports.address("dask_scheduler_http")]
        argv += _preload(_SCHEDULER_PRELOAD)
        return self._launch(argv, "")

    def launch_worker(self, number: int) -> Launch:
        """How to run a worker with one thread."""
        argv = [sys.executable, "-m", "distributed.cli.dask_worker"]
        argv += [f"tls://{self._ports.address('dask_scheduler')}", "--no-nanny", "--nthreads", "1"]
        argv += ["--name", f"worker-{number}", "--memory-limit", str(_WORKER_BYTES), "--death-timeout", "30"]
        argv += ["--host", HOST, "--worker-port", str(self._ports[f"dask_worker_{number}"]), "--no-dashboard"]
        argv += ["--dashboard-address", self._ports.address(f"dask_worker_{number}_http")]
        argv += ["--local-directory", os.fspath(self._layout.data / "dask" / str(number))]
        argv += _preload(_PRELOAD)
        config = self._layout.config / "dask-worker.yaml"
        document = {
            "lake": lake_settings(self._settings),
            "telemetry": {"otlp_endpoint": self._ports.url("telemetry")},
        }
        write_private(config, yaml.safe_dump(document, sort_keys=False))
        env = lake_secrets(self._settings) | {"LUMBUNG_CONFIG": str(config)}
        stamp = source_stamp("compute_service", "lake", "servicekit")
        return self._launch(argv, stamp, env=env, files=(config,))

    def probe_scheduler(self) -> None:
        """The scheduler's own health."""
        expect_ok(f"{self._ports.url('dask_scheduler_http')}/health")

    def probe_worker(self, number: int) -> None:
        """The worker answers, and the scheduler counts it in."""
        expect_ok(f"{self._ports.url(f'dask_worker_{number}_http')}/health")
        answer = expect_ok(f"{self._ports.url('dask_scheduler_http')}/json/identity.json")
        names = {worker["name"] for worker in answer.json()["workers"].values()}
        if f"worker-{number}" not in names:
            raise NotReadyError(f"the scheduler does not know worker-{number}")

    def _launch(
        self, argv: list[str], stamp: str, *, env: dict[str, str] | None = None, files: tuple[Path, ...] = ()
    ) -> Launch:
        whole = base_environment(self._layout) | dask_environment(self._settings) | (env or {})
        whole |= {
            "POLARS_MAX_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "ARROW_NUM_THREADS": "1",
            "DASK_TEMPORARY_DIRECTORY": os.fspath(self._layout.data / "dask"),
            "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": repr(_SCHEDULER_ROUTES),
            "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": repr(_WORKER_ROUTES),
            "DASK_DISTRIBUTED__DIAGNOSTICS__NVML": "False",
        }
        return Launch(tuple(argv), whole, self._layout.root, files=files, stamp=stamp)
