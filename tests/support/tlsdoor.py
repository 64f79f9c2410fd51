"""TLS in front of a PostgreSQL that was built without it: answers the client's SSLRequest and passes the rest on."""

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["tls_door"]

_REQUEST_BYTES = 8


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def tls_door(port: int, public: Path, private: Path) -> Iterator[int]:
    """The door's port, on loopback; `port` is that of the server behind it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(_REQUEST_BYTES)
            self.request.sendall(b"S")
            with (
                contextlib.suppress(OSError),
                context.wrap_socket(self.request, server_side=True) as here,
                socket.create_connection(("127.0.0.1", port)) as there,
            ):
                _pass_on(here, there)

    with _Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _pass_on(here: ssl.SSLSocket, there: socket.socket) -> None:
    def back() -> None:
        with contextlib.suppress(OSError):
            while chunk := there.recv(65536):
                here.sendall(chunk)

    threading.Thread(target=back, daemon=True).start()
    while chunk := here.recv(65536):
        there.sendall(chunk)
