"""A node of a Ray cluster in the foreground: `python -m inference_service.ray_node {head,worker} --host IP …`.

The head has the control store, whose state is kept in a folder: replicas go on, and are known again, when the head comes
back. Ports are fixed (base+30…38, workers base+100…199) and open to the other nodes; the token is asked for everywhere.
On SIGTERM the node's replica sends callers elsewhere, and goes on answering until they have heard of it.
"""

import argparse
import os
import socket
import sys
import sysconfig
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from inference_service.ray_metrics import serve_replica_metrics
from inference_service.ray_process import LEAVING, node_environment, port_options, run_node

__all__ = ["cluster_environment", "main", "node_command"]

OBJECT_STORE_BYTES = 80 * 10**6
HEAD_PORT = 30
DASHBOARD_PORT = 37
# A head that moves to another machine may take minutes; its nodes wait, and their replicas answer meanwhile.
RECONNECT_SECONDS = 600
LOOK_SECONDS = 1.0


def cluster_environment(token_path: Path, state: Path | None) -> dict[str, str]:
    """Environment of a node and of all that it starts; with `state`, the control store is kept in that folder."""
    shared = node_environment(token_path) | {
        "RAY_START_HOOK": "inference_service.ray_loopback.without_client_server",
        "RAY_gcs_rpc_server_reconnect_timeout_s": str(RECONNECT_SECONDS),
        # A machine where everything starts at once is slow.
        "RAY_agent_register_timeout_ms": "120000",
    }
    if state is not None:
        # What an earlier Ray wrote, a later one need not understand.
        shared |= {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(state / version("ray"))}
    return shared


def node_command(role: str, host: str, base_port: int, head: str, folder: Path) -> list[str]:
    """`ray start` for a node without idle workers (no CPUs to schedule on). `head`: host:port, for a worker."""
    if role == "head":
        place = [
            "--head",
            f"--port={base_port + HEAD_PORT}",
            f"--dashboard-port={base_port + DASHBOARD_PORT}",
            "--include-dashboard=false",
            "--no-monitor",
        ]
    else:
        place = [f"--address={head}"]
    return [
        str(Path(sysconfig.get_path("scripts")) / "ray"),
        "start",
        *place,
        f"--node-ip-address={host}",
        *port_options(base_port),
        "--include-log-monitor=false",
        "--num-cpus=0",
        "--num-gpus=0",
        f"--object-store-memory={OBJECT_STORE_BYTES}",
        f"--temp-dir={folder}",
        "--disable-usage-stats",
        "--log-style=record",
        "--log-color=false",
    ]


def _wait_for(address: str) -> None:
    """Returns when the head listens; it may come long after its workers."""
    host, _, port = address.rpartition(":")
    told = False
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
        except OSError as error:
            if not told:
                sys.stderr.write(f"Waiting for the head at {address}: {error}\n")
            told = True
            time.sleep(LOOK_SECONDS)
        else:
            return


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the node until it ends."""
    parser = argparse.ArgumentParser(prog="python -m inference_service.ray_node")
    parser.add_argument("role", choices=("head", "worker"))
    parser.add_argument("--host", required=True, help="the node's own address, as the others reach it")
    parser.add_argument("--base-port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="short path: it has to hold unix sockets")
    parser.add_argument("--token-path", type=Path, required=True)
    parser.add_argument("--state", type=Path, help="folder of a head's control store")
    parser.add_argument("--head", default="", help="host:port of the head, for a worker")
    parser.add_argument("--leaving-path", type=Path, required=True, help="made when the node ends")
    parser.add_argument("--leave-seconds", type=float, default=10.0, help="from then on, to the end")
    parser.add_argument("--metrics-host", default="", help="where metrics are told; the node's own address")
    given = parser.parse_args(arguments)
    given.leaving_path.unlink(missing_ok=True)
    # The head before this one wrote it; Ray takes it for one that still runs when another node of it is on this machine.
    (given.folder / "ray_current_cluster").unlink(missing_ok=True)
    if given.role == "worker":
        _wait_for(given.head)

    def leave() -> None:
        given.leaving_path.touch()
        time.sleep(given.leave_seconds)

    # The node's processes need none of the secrets that come by environment: the replica reads them from its file.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LUMBUNG_")}
    environment = kept | cluster_environment(given.token_path, given.state)
    environment[LEAVING] = str(given.leaving_path)
    environment |= serve_replica_metrics(given.metrics_host or given.host, given.base_port, given.folder)
    command = node_command(given.role, given.host, given.base_port, given.head, given.folder)
    return run_node(command, environment, leave)


if __name__ == "__main__":
    sys.exit(main())
