"""A port in front of a server that loses one answer: the request arrives and is done, and the connection ends instead."""

import contextlib
import socket
import socketserver
import threading

__all__ = ["Losing"]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Losing:
    """Passes connections on to `host:port`. After `lose(mark)` the answer to the next request with these bytes is lost."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._mark: bytes | None = None
        self._times = 0
        self.lost = 0
        losing = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                losing._serve(self.request)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def lose(self, mark: bytes, times: int = 1) -> None:
        """Loses so many answers from now on."""
        self._mark, self._times = mark, times

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, here: socket.socket) -> None:
        with socket.create_connection(self._target) as there:
            asked = threading.Event()
            threading.Thread(target=self._requests, args=(here, there, asked), daemon=True).start()
            with contextlib.suppress(OSError):
                while chunk := there.recv(65536):
                    if asked.is_set():
                        # The server has done it, else it would not answer.
                        self.lost += 1
                        here.shutdown(socket.SHUT_RDWR)
                        return
                    here.sendall(chunk)

    def _requests(self, here: socket.socket, there: socket.socket, asked: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while chunk := here.recv(65536):
                if self._times and self._mark is not None and self._mark in chunk:
                    self._times -= 1
                    asked.set()
                there.sendall(chunk)
            there.shutdown(socket.SHUT_WR)
