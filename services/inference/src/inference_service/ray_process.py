"""The processes of one Ray node, kept in the foreground by a process that is small and only waits."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["LEAVING", "METRICS_FOLDER", "STOP_SECONDS", "node_environment", "port_options", "run_node"]

# Variable with the name of the file that a node makes when it is about to end; its replica looks for it.
LEAVING = "LUMBUNG_NODE_LEAVING"
# Variable with the folder where replicas keep their numbers.
METRICS_FOLDER = "LUMBUNG_REPLICA_METRICS"
PR_SET_CHILD_SUBREAPER = 36
STOP_SECONDS = 8.0
SETTLE_SECONDS = 1.0
ATTEMPTS = 3
# Offsets from the base port; the last two are a range.
PORTS = {
    "node-manager-port": 31,
    "object-manager-port": 32,
    "dashboard-agent-listen-port": 33,
    "dashboard-agent-grpc-port": 34,
    "runtime-env-agent-port": 35,
    "metrics-export-port": 36,
    "min-worker-port": 100,
    "max-worker-port": 199,
}


def port_options(base_port: int) -> list[str]:
    """Options of `ray start` for a node's fixed ports: base+31 to 36, workers base+100 to 199."""
    return [f"--{name}={base_port + offset}" for name, offset in PORTS.items()]


def node_environment(token_path: Path) -> dict[str, str]:
    """Environment that a node and all that it starts have in any case."""
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_path),
        "RAY_USAGE_STATS_ENABLED": "0",
        # One event loop per replica, for its servers and for Serve's health checks; ports of Serve's own: none.
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0",
        # Ten times a second is for large clusters; each turn costs.
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
        # Ray would run its workers at nice 15: on a busy machine replicas then start too late to heal anything.
        "RAY_worker_niceness": "0",
        "OMP_NUM_THREADS": "1",
    }


def _children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def _end_all() -> None:
    """Ends every process of this head: first kindly, then not. Orphans come to this process one by one."""
    deadline = time.monotonic() + STOP_SECONDS
    while (children := _children()) and time.monotonic() < deadline + STOP_SECONDS:
        number = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
        for pid in children:
            os.kill(pid, number)
        time.sleep(0.2)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def _end_raylet(core: Mapping[int, str]) -> None:
    """Ends the node's own daemon before the control store, which has to write down that its actors are gone with it.

    Ended together, the store may come back with actors that it takes for living ones.
    """
    for pid in [pid for pid, name in core.items() if name == "raylet"]:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline and os.waitpid(pid, os.WNOHANG)[0] == 0:
                time.sleep(0.1)
            time.sleep(SETTLE_SECONDS)


def run_node(
    command: Sequence[str], environment: Mapping[str, str], before_end: Callable[[], None] = lambda: None
) -> int:
    """Starts a node by `ray start` and returns 1 when one of its own processes has ended.

    On SIGTERM calls `before_end`, ends all of Ray, and raises SystemExit.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    core: dict[int, str] = {}

    def stop(_number: int, _frame: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        before_end()
        _end_raylet(core)
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        for _attempt in range(ATTEMPTS):
            started = subprocess.run(command, env=environment, check=False)
            if started.returncode == 0:
                break
            # Ray gives its raylet 30 seconds, which a loaded machine may not: what it left is in the way.
            _end_all()
        else:
            return 1
        core |= _core(_children())
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid in core:
                sys.stderr.write(
                    f"Ray's process {core[pid]} ended with {os.waitstatus_to_exitcode(status)}.\n"
                )
                return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        _end_all()


def _core(pids: list[int]) -> dict[int, str]:
    """Ray's own processes, without which the node is none: store, raylet, dashboard server."""
    return {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids}
