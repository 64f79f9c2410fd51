"""JSON over HTTP on a free loopback port, for the small servers that tests put around the platform."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["Answer", "Asked", "serve_json"]


@dataclass(frozen=True)
class Asked:
    """A request: `query` and `form` hold the first value of each name."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """A response; a document of None is 404 unless a status says otherwise."""

    document: Any
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)


def _first(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def serve_json(answer: Callable[[Asked], Answer]) -> Iterator[str]:
    """Answers every GET and POST by `answer`; gives the URL without a slash at its end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("content-length", 0))).decode())

        def _answer(self, body: str) -> None:
            url = urlsplit(self.path)
            found = answer(Asked(self.command, url.path, _first(url.query), _first(body)))
            content = json.dumps(found.document).encode()
            self.send_response(found.status or (404 if found.document is None else 200))
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            """Nothing: tests show their own output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
