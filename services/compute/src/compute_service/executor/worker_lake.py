"""The lake of a worker process: opened at the first task, kept for the next."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from compute_service.settings import WorkerSettings
from lake import Lake, LakeSettings
from servicekit.settings import load_settings

__all__ = ["use_lake", "worker_lake"]

_lock = threading.Lock()
_lake: Lake | None = None


@contextmanager
def worker_lake() -> Iterator[Lake]:
    """The process's lake, after the settings of `WorkerSettings` (file LUMBUNG_CONFIG, environment LUMBUNG_LAKE__…)."""
    global _lake  # noqa: PLW0603 - one per process
    with _lock:
        if _lake is None:
            _lake = Lake.open(load_settings(WorkerSettings).lake)
    yield _lake


def use_lake(lake: Lake | None) -> LakeSettings | None:
    """Sets the lake of this process, for executors inside the process and for benches."""
    global _lake  # noqa: PLW0603
    with _lock:
        _lake = lake
    return None
