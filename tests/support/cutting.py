"""A port in front of a server that misbehaves when told: it refuses, breaks off in the middle, or goes quiet."""

import contextlib
import socket
import socketserver
import threading

__all__ = ["Cutting"]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Cutting:
    """Passes connections on to `host:port`.

    `refuses`: it closes new ones at once. `cut_after`: so many bytes from the server on, the next connection that has
    them is closed, once. `quiet_after`: so many bytes on, connections stay open and nothing comes any more.
    """

    def __init__(self, host: str, port: int) -> None:
        self.refuses = False
        self.cut_after: int | None = None
        self.quiet_after: int | None = None
        self.cuts = 0
        self._target = (host, port)
        cutting = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                cutting._serve(self.request)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, here: socket.socket) -> None:
        if self.refuses:
            return
        with socket.create_connection(self._target) as there:
            threading.Thread(target=_copy, args=(here, there), daemon=True).start()
            with contextlib.suppress(OSError):
                self._answers(there, here)

    def _answers(self, there: socket.socket, here: socket.socket) -> None:
        passed = 0
        while chunk := there.recv(4096):
            passed += len(chunk)
            if self.quiet_after is not None and passed > self.quiet_after:
                self.cuts += 1
                threading.Event().wait(30)
                return
            if self.cut_after is not None and passed > self.cut_after:
                self.cut_after = None
                self.cuts += 1
                here.shutdown(socket.SHUT_RDWR)
                return
            here.sendall(chunk)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
