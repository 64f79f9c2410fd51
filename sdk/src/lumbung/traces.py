"""Traces from the local stack's own store."""

from pathlib import Path
from typing import Any

import httpx

from lumbung.config import stack_description
from lumbung.errors import ApiError

__all__ = ["fetch_trace", "render_tree"]

TRACE_ID_DIGITS = 32


def fetch_trace(trace_id: str) -> list[dict[str, Any]]:
    """The spans of a trace: span_id, parent_span_id, name, service, start_ns, end_ns, status, attributes.

    Raises:
        ApiError: the id is malformed, there is no local stack, or the store has no such trace.
    """
    wanted = trace_id.strip().lower()
    if len(wanted) != TRACE_ID_DIGITS or not all(digit in "0123456789abcdef" for digit in wanted):
        raise ApiError(
            code="INVALID_ARGUMENT", reason="TRACE_ID", message=f"{trace_id!r} is not 32 hexadecimal digits."
        )
    stack = stack_description()
    if stack is None:
        raise ApiError(
            code="NOT_FOUND",
            reason="NO_LOCAL_STACK",
            message="There is no local stack here; ask your own trace store.",
        )
    token = Path(stack["files"]["telemetry_token"]).read_text(encoding="utf-8").strip()
    try:
        response = httpx.get(
            f"{stack['telemetry']['traces_url']}/traces/{wanted}",
            headers={"authorization": f"Bearer {token}"},
            timeout=10.0,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise ApiError(
            code="UNAVAILABLE", reason="TRACE_STORE", message=f"The trace store does not answer: {error}."
        ) from error
    spans: list[dict[str, Any]] = (
        response.json().get("spans", []) if response.status_code == httpx.codes.OK else []
    )
    if not spans:
        raise ApiError(
            code="NOT_FOUND", reason="TRACE_NOT_FOUND", message=f"The store has no trace {wanted}."
        )
    return spans


def render_tree(spans: list[dict[str, Any]]) -> list[str]:
    """One line a span, children under their parent in order of time, with offset and duration in milliseconds."""
    known = {span["span_id"] for span in spans}
    children: dict[str, list[dict[str, Any]]] = {}
    for span in sorted(spans, key=lambda entry: entry["start_ns"]):
        parent = span.get("parent_span_id") or ""
        children.setdefault(parent if parent in known else "", []).append(span)
    begin = min(span["start_ns"] for span in spans)
    lines: list[str] = []

    def walk(parent: str, depth: int) -> None:
        for span in children.get(parent, []):
            offset = (span["start_ns"] - begin) / 1e6
            took = (span["end_ns"] - span["start_ns"]) / 1e6
            failed = "  ERROR" if span.get("status") == "ERROR" else ""
            label = f"{'  ' * depth}{span['service']}: {span['name']}"
            lines.append(f"{label:<86} +{offset:9.1f} ms {took:9.1f} ms{failed}")
            walk(span["span_id"], depth + 1)

    walk("", 0)
    return lines
