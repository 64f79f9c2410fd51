"""Loaded by each Dask worker: `dask worker … --preload compute_service.executor.worker_preload`.

Quiets Dask (`dask_settings`), sets up logs and tracing, and loads what tasks need, so that the first task is not slow.
The settings are those of `WorkerSettings`: the file that LUMBUNG_CONFIG names, secrets by LUMBUNG_LAKE__…;
LUMBUNG_OTLP_ENDPOINT overrides the receiver of traces.
"""

import os
from typing import Any

from compute_service.executor import dask_settings, tasks
from compute_service.settings import WorkerSettings
from servicekit.settings import load_settings
from servicekit.telemetry import setup_logging, setup_tracing

__all__ = ["dask_setup", "dask_teardown"]

dask_settings.apply()

_state: dict[str, Any] = {}


def dask_setup(worker: Any) -> None:
    """Called by Dask when the worker starts; SettingsError when the lake's settings are wrong."""
    del worker
    telemetry = load_settings(WorkerSettings).telemetry
    if endpoint := os.environ.get("LUMBUNG_OTLP_ENDPOINT"):
        telemetry = telemetry.model_copy(update={"otlp_endpoint": endpoint})
    setup_logging("compute-worker", telemetry.log_level)
    _state["provider"] = setup_tracing("compute-worker", telemetry)
    _state["tasks"] = tasks


def dask_teardown(worker: Any) -> None:
    """Called by Dask when the worker ends: sends the last spans."""
    del worker
    if provider := _state.pop("provider", None):
        provider.shutdown()
