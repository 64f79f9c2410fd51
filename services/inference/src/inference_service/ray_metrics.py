"""The golden signals of a node's replicas, on a Prometheus endpoint that is there as long as the node is.

Each replica counts in files of its own, which outlive it: what is counted never falls while the node stands.
"""

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from inference_service.ray_process import METRICS_FOLDER

__all__ = ["serve_replica_metrics"]

METRICS_PORT = 38
_OF_THE_LIVING = re.compile(r"gauge_live\w+_(\d+)\.db")


class _Replicas(Collector):
    """Sums of all replicas that have been; what runs or waits, of those that live."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sums = MultiProcessCollector(None, path=str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterable[Metric]:
        """Read at each scrape."""
        for path in self._folder.glob("gauge_live*.db"):
            found = _OF_THE_LIVING.fullmatch(path.name)
            if found and not Path("/proc", found[1]).exists():
                mark_process_dead(int(found[1]), str(self._folder))  # type: ignore[no-untyped-call]
        metrics: Iterable[Metric] = self._sums.collect()  # type: ignore[no-untyped-call]
        return metrics


def serve_replica_metrics(host: str, base_port: int, folder: Path) -> dict[str, str]:
    """Listens on base+38; returns what the node's processes need in their environment.

    Raises:
        OSError: another program has the port.
    """
    numbers = folder / "metrics"
    shutil.rmtree(numbers, ignore_errors=True)
    numbers.mkdir(parents=True, mode=0o700)
    registry = CollectorRegistry()
    registry.register(_Replicas(numbers))
    port = base_port + METRICS_PORT
    try:
        start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise OSError(
            error.errno, f"Cannot serve metrics on {host}:{port}: {os.strerror(error.errno or 0)}"
        ) from error
    return {METRICS_FOLDER: str(numbers)}
