"""A Ray head in the foreground: `python -m inference_service.ray_head --base-port N --folder DIR --token-path FILE`.

Everything listens on the loopback address and on fixed ports (base+30…38, workers base+100…199).
Ends, and ends all of Ray, when one of Ray's own processes dies or on SIGTERM. `ray start --block` does the same and
keeps 160 MB for it; this process keeps 10, since it only waits for its children.
"""

import argparse
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

__all__ = ["head_command", "head_environment", "main"]

PR_SET_CHILD_SUBREAPER = 36
STOP_SECONDS = 8.0
ATTEMPTS = 3
OBJECT_STORE_BYTES = 80 * 10**6


def head_environment(token_path: Path) -> dict[str, str]:
    """Environment of the head and of all that it starts."""
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_path),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_START_HOOK": "inference_service.ray_loopback.only_loopback",
        # One event loop per replica, for its servers and for Serve's health checks; ports of Serve's own: none.
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0",
        # Ten times a second is for large clusters; each turn costs.
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
        # Ray would run its workers at nice 15: on a busy machine replicas then start too late to heal anything.
        "RAY_worker_niceness": "0",
        "OMP_NUM_THREADS": "1",
    }


def head_command(base_port: int, folder: Path) -> list[str]:
    """`ray start` for one head without idle workers (no CPUs to schedule on), dashboard or monitor."""
    ports = {
        "port": 30,
        "node-manager-port": 31,
        "object-manager-port": 32,
        "dashboard-agent-listen-port": 33,
        "dashboard-agent-grpc-port": 34,
        "runtime-env-agent-port": 35,
        "metrics-export-port": 36,
        "dashboard-port": 37,
        "min-worker-port": 100,
        "max-worker-port": 199,
    }
    return [
        str(Path(sysconfig.get_path("scripts")) / "ray"),
        "start",
        "--head",
        "--node-ip-address=127.0.0.1",
        *(f"--{name}={base_port + offset}" for name, offset in ports.items()),
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
    given = parser.parse_args(arguments)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def stop(_number: int, _frame: object) -> None:
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        _end_leftovers(given.folder)
        environment = os.environ | head_environment(given.token_path)
        command = head_command(given.base_port, given.folder)
        for _attempt in range(ATTEMPTS):
            started = subprocess.run(command, env=environment, check=False)
            if started.returncode == 0:
                break
            # Ray gives its raylet 30 seconds, which a loaded machine may not: what it left is in the way.
            _end_all()
        else:
            return 1
        core = _core(_children())
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
    """Ray's own processes, without which the head is none: store, raylet, dashboard server."""
    return {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids}


if __name__ == "__main__":
    sys.exit(main())
