"""Traces from the local stack's own store."""

from pathlib import Path
from typing import Any

import httpx

from lumbung.config import stack_description
from lumbung.errors import ApiError
from lumbung.texts import say

__all__ = ["fetch_trace", "render_tree"]

TRACE_ID_DIGITS = 32


def fetch_trace(trace_id: str) -> list[dict[str, Any]]:
    """The spans of a trace: span_id, parent_span_id, name, service, start_ns, end_ns, status, attributes.

    Raises:
        ApiError: the id is malformed, there is no local stack, or the store has no such trace.
    """
    wanted = trace_id.strip().lower()
    if len(wanted) != TRACE_ID_DIGITS or not all(digit in "0123456789abcdef" for digit in wanted):
        raise _error("INVALID_ARGUMENT", "TRACE_ID", "trace_id_wrong", trace_id=trace_id)
    stack = stack_description()
    if stack is None or "telemetry" not in stack:
        raise _error("NOT_FOUND", "NO_LOCAL_STACK", "no_local_stack")
    token = Path(stack["files"]["telemetry_token"]).read_text(encoding="utf-8").strip()
    try:
        response = httpx.get(
            f"{stack['telemetry']['traces_url']}/traces/{wanted}",
            headers={"authorization": f"Bearer {token}"},
            timeout=10.0,
            trust_env=False,
        )
        spans = response.json().get("spans", []) if response.status_code == httpx.codes.OK else []
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _error("UNAVAILABLE", "TRACE_STORE", "trace_store_silent", cause=error) from error
    if not spans:
        raise _error("NOT_FOUND", "TRACE_NOT_FOUND", "trace_unknown", trace_id=wanted)
    return list(spans)


def _error(code: str, reason: str, sentence: str, **values: object) -> ApiError:
    return ApiError(code=code, reason=reason, message=say(sentence, **values))


def render_tree(spans: list[dict[str, Any]]) -> list[str]:
    """One line a span, children under their parent in order of time, with offset and duration in milliseconds."""
    known = {span["span_id"] for span in spans}
    children: dict[str, list[dict[str, Any]]] = {}
    for span in sorted(spans, key=lambda entry: entry["start_ns"]):
        parent = span.get("parent_span_id") or ""
        children.setdefault(parent if parent in known else "", []).append(span)
    begin = min(span["start_ns"] for span in spans)
    lines: list[str] = []

    # A list of what is left and no recursion: a loop of calls may be deep.
    left = [(span, 0) for span in reversed(children.get("", []))]
    while left:
        span, depth = left.pop()
        offset = (span["start_ns"] - begin) / 1e6
        took = (span["end_ns"] - span["start_ns"]) / 1e6
        failed = "  ERROR" if span.get("status") == "ERROR" else ""
        label = f"{'  ' * depth}{span['service']}: {span['name']}"
        lines.append(f"{label:<86} +{offset:9.1f} ms {took:9.1f} ms{failed}")
        left.extend((child, depth + 1) for child in reversed(children.get(span["span_id"], [])))
    return lines
