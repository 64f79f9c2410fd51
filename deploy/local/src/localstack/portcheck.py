"""Ports that somebody else holds are found before a part is started on them."""

import contextlib
import socket

import psutil

from localstack.errors import PortTakenError
from localstack.ports import HOST


def is_free(port: int) -> bool:
    """Whether a server could listen on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def holder(port: int) -> int | None:
    """Pid that listens on a port, where the system tells us."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                return connection.pid
    return None


def refuse_taken(ports: tuple[int, ...], part: str) -> None:
    """Raise PortTakenError with one line that names the first taken port, its holder and the way out."""
    for port in ports:
        if not is_free(port):
            pid = holder(port)
            who = f"process {pid}" if pid else "another process (pid not visible to this user)"
            raise PortTakenError(
                f"port {port} for {part} is taken by {who}: end it, or set LUMBUNG_BASE_PORT to another number"
            )
