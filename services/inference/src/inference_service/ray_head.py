"""A Ray head in the foreground: `python -m inference_service.ray_head --base-port N --folder DIR --token-path FILE`.

Everything listens on the loopback address and on fixed ports (base+30…37, workers base+100…199); the replicas' metrics
(base+38) at `--metrics-host`.
Ends, and ends all of Ray, when one of Ray's own processes dies or on SIGTERM. `ray start --block` does the same and
keeps 160 MB for it; this process keeps 25, since it only waits for its children and tells their numbers. Nodes that others reach: `ray_node`.
"""

import argparse
import contextlib
import os
import signal
import sys
import sysconfig
import time
from pathlib import Path

from inference_service.ray_metrics import serve_replica_metrics
from inference_service.ray_process import STOP_SECONDS, node_environment, port_options, run_node

__all__ = ["head_command", "head_environment", "main"]

OBJECT_STORE_BYTES = 80 * 10**6


def head_environment(token_path: Path) -> dict[str, str]:
    """Environment of the head and of all that it starts."""
    return node_environment(token_path) | {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_START_HOOK": "inference_service.ray_loopback.only_loopback",
    }


def head_command(base_port: int, folder: Path) -> list[str]:
    """`ray start` for one head without idle workers (no CPUs to schedule on), dashboard or monitor."""
    return [
        str(Path(sysconfig.get_path("scripts")) / "ray"),
        "start",
        "--head",
        "--node-ip-address=127.0.0.1",
        f"--port={base_port + 30}",
        f"--dashboard-port={base_port + 37}",
        *port_options(base_port),
        "--include-dashboard=false",
        "--include-log-monitor=false",
        "--no-monitor",
        "--num-cpus=0",
        "--num-gpus=0",
        f"--object-store-memory={OBJECT_STORE_BYTES}",
        f"--temp-dir={folder}",
        "--disable-usage-stats",
        "--log-style=record",
        "--log-color=false",
    ]


def _end_leftovers(folder: Path) -> None:
    """Ends what an earlier head of this folder left when it was killed: it holds the ports."""
    mark = os.fsencode(folder / "session_")
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        left = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if mark in path.read_bytes():
                    left.append(int(path.parent.name))
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)


def main(arguments: list[str] | None = None) -> int:
    """Runs the head until it ends."""
    parser = argparse.ArgumentParser(prog="python -m inference_service.ray_head")
    parser.add_argument("--base-port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="short path: it has to hold unix sockets")
    parser.add_argument("--token-path", type=Path, required=True)
    parser.add_argument("--metrics-host", default="127.0.0.1")
    given = parser.parse_args(arguments)
    _end_leftovers(given.folder)
    counting = serve_replica_metrics(given.metrics_host, given.base_port, given.folder)
    environment = os.environ | head_environment(given.token_path) | counting
    return run_node(head_command(given.base_port, given.folder), environment)


if __name__ == "__main__":
    sys.exit(main())
