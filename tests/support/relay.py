"""A port that passes every connection on to a server."""

import contextlib
import socket
import socketserver
import threading

__all__ = ["relay"]


class _Relay(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def relay(port: int, target: str) -> socketserver.ThreadingTCPServer:
    """Listens on a loopback port until `shutdown()`; `target` is `host:port`."""
    host, _, number = target.rpartition(":")

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, int(number))) as there:
                back = threading.Thread(target=_copy, args=(there, self.request), daemon=True)
                back.start()
                _copy(self.request, there)
                back.join(5)

    server = _Relay(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
