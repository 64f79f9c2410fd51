"""Traces as JSON over loopback HTTP, for whoever holds the token.

GET /healthz · /traces?limit=20 · /traces/{32 hex digits}
"""

import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from localstack.ports import HOST
from localstack.telemetry.store import Span, TelemetryStore

_TRACE = re.compile(r"/traces/([0-9a-f]{32})")
_STATUS = ("UNSET", "OK", "ERROR")
_MOST_TRACES = 200
_MOST_LOG_LINES = 500
_LOG_BYTES = 16 * 2**20


def serve_traces(store: TelemetryStore, logs: Path, token: str, port: int) -> ThreadingHTTPServer:
    """A server bound to the port; the caller runs `serve_forever`."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            """Answer one question."""
            address = urlsplit(self.path)
            if address.path == "/healthz":
                self._send(HTTPStatus.OK, {"status": "ok"})
            elif not hmac.compare_digest(self.headers.get("Authorization", ""), f"Bearer {token}"):
                self._send(
                    HTTPStatus.UNAUTHORIZED, {"error": "token missing or wrong: see secrets/telemetry-token"}
                )
            elif found := _TRACE.fullmatch(address.path):
                self._send(*trace_answer(store, logs, found.group(1)))
            elif address.path == "/traces":
                self._send(HTTPStatus.OK, {"traces": store.recent(_limit(address.query))})
            else:
                self._send(HTTPStatus.NOT_FOUND, {"error": f"nothing at {address.path}"})

        def log_message(self, *_: Any) -> None:
            """Questions are not logged."""

        def _send(self, status: HTTPStatus, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer((HOST, port), Handler)


def trace_answer(store: TelemetryStore, logs: Path, trace_id: str) -> tuple[HTTPStatus, dict[str, Any]]:
    """Spans of a trace with the log lines that carry its id; 404 when there is neither."""
    spans = store.trace(trace_id)
    lines = [asdict(entry) for entry in store.logs(trace_id)]
    lines += log_lines(logs, trace_id)
    if not spans and not lines:
        return HTTPStatus.NOT_FOUND, {"error": f"no trace {trace_id}: it was not sampled, or is too old"}
    return HTTPStatus.OK, {
        "trace_id": trace_id,
        "spans": [span_document(span) for span in spans],
        "logs": lines,
    }


def span_document(span: Span) -> dict[str, Any]:
    """A span as JSON: `parent_span_id` is empty for a root, `status` is UNSET, OK or ERROR."""
    document = asdict(span)
    document["parent_span_id"] = document.pop("parent_id")
    document["status"] = _STATUS[span.status]
    return document


def log_lines(logs: Path, trace_id: str) -> list[dict[str, Any]]:
    """Structured log lines with a trace's id, from the end of each part's log file."""
    found: list[dict[str, Any]] = []
    for path in sorted(logs.glob("*.log")):
        for line in _tail_lines(path):
            if trace_id not in line or len(found) >= _MOST_LOG_LINES:
                continue
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and entry.get("trace_id") == trace_id:
                found.append({"part": path.stem, **entry})
    return found


def _tail_lines(path: Path) -> Iterator[str]:
    with path.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - _LOG_BYTES))
        for line in stream:
            yield line.decode(errors="replace")


def _limit(query: str) -> int:
    text = parse_qs(query).get("limit", ["20"])[0]
    return min(int(text), _MOST_TRACES) if text.isdecimal() else 20
