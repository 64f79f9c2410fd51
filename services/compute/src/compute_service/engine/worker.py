"""The process that runs queries: `python -m compute_service.engine.worker FD`, started by the service only.

It gets the lake's settings as the first message over the socket FD, and dies with its parent.
"""

import ctypes
import json
import logging
import resource
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from compute_service.engine.failures import crashed, error_to_json
from compute_service.engine.frames import ARROW, HEADER, MAX_FRAME, header, json_frame
from compute_service.engine.session import QuerySession
from compute_service.engine.wire import limits_from_json, summary_to_json
from lake import Lake, LakeSettings
from servicekit.errors import LumbungError
from servicekit.telemetry import get_logger, setup_logging

__all__ = ["main"]

_log = get_logger(__name__)
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def _harden() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Ctrl-C in a terminal goes to the service, which ends its processes itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _receive(channel: socket.socket) -> dict[str, Any] | None:
    head = _exactly(channel, HEADER.size)
    if head is None:
        return None
    _, length = HEADER.unpack(head)
    if length > MAX_FRAME:
        raise ValueError(f"a frame of {length} bytes")
    content = _exactly(channel, length)
    return None if content is None else dict(json.loads(content))


def _exactly(channel: socket.socket, count: int) -> bytes | None:
    content = bytearray()
    while len(content) < count:
        part = channel.recv(count - len(content))
        if not part:
            return None
        content += part
    return bytes(content)


def _limit_cpu(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


def _answer(session: QuerySession, message: dict[str, Any], channel: socket.socket) -> dict[str, Any]:
    if message["op"] == "inspect":
        _limit_cpu(message["cpu_seconds"])
        statement = session.inspect(message["sql"])
        return {"tables": list(statement.tables), "strangers": list(statement.strangers)}
    limits = limits_from_json(message["limits"])
    _limit_cpu(limits.cpu_seconds)

    def send(piece: bytes) -> None:
        channel.sendall(header(ARROW, len(piece)))
        channel.sendall(piece)

    temp = Path(tempfile.mkdtemp(prefix="query-", dir=message["temp_dir"]))
    try:
        summary = session.run_query(message["sql"], message["tables"], limits, temp, send)
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    return {"summary": summary_to_json(summary)}


def _serve(channel: socket.socket) -> None:
    first = _receive(channel)
    if first is None:
        return
    setup_logging("compute-query", first["log_level"])
    logging.getLogger("pyiceberg").setLevel(logging.WARNING)
    lake = Lake.open(_settings(first["lake"]))
    session = QuerySession(lake.reader)
    channel.sendall(json_frame({"ready": True}))
    while (message := _receive(channel)) is not None:
        try:
            answer = _answer(session, message, channel)
        except LumbungError as error:
            if error.code == "INTERNAL":
                _log.error("query failed", exc_info=error)
            answer = {"error": error_to_json(error)}
        except Exception as error:  # noqa: BLE001 - the caller gets a general text, the log gets the rest
            _log.error("query failed unexpectedly", exc_info=error)
            answer = {"error": error_to_json(crashed())}
        channel.sendall(json_frame(answer))


def _settings(document: dict[str, Any]) -> LakeSettings:
    # Two connections are enough for one query at a time.
    document["postgres"]["pool_max"] = 2
    return LakeSettings.model_validate(document)


def main() -> None:
    """Serves until the socket closes."""
    _harden()
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        try:
            _serve(channel)
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main()
